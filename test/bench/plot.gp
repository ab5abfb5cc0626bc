# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# The plots, from the files that plot.awk left in the current directory.

load 'plot.vars'
set terminal svg size width,440 font 'sans-serif,12' noenhanced background '#ffffff'
set datafile missing '-'
set style data histograms
set style histogram clustered gap 1
set style fill solid
set boxwidth 0.95
set grid ytics linecolor '#dddddd'
set border 3
set xtics nomirror rotate by 30 right
set ytics nomirror
set key outside top center horizontal
set tmargin 4

n = words(names)
has(file) = system('test -s '.file.'.dat && echo 1') eq '1'

if (has('cpu')) {
	set output 'cpu.svg'
	set title sprintf('CPU time of the proxy per operation (%s = 1, less is better)', word(names, 1))
	set yrange [0:*]
	plot for [i = 1:n] 'cpu.dat' using i + 1:xtic(1) title word(names, i) linecolor rgb word(colours, i)
}
if (has('machine')) {
	set output 'machine.svg'
	set title sprintf('CPU time of the whole machine per operation (%s = 1, less is better)', word(names, 1))
	set yrange [0:*]
	plot for [i = 1:n] 'machine.dat' using i + 1:xtic(1) title word(names, i) linecolor rgb word(colours, i)
}
if (has('rate')) {
	set output 'rate.svg'
	set title sprintf('Operations per second (%s = 1, more is better)', word(names, 1))
	set yrange [0:*]
	plot for [i = 1:n] 'rate.dat' using i + 1:xtic(1) title word(names, i) linecolor rgb word(colours, i)
}
if (has('latency')) {
	set output 'latency.svg'
	set title 'Latency that 99 % of the answers do not exceed, us (less is better)'
	set yrange [*:*]
	set logscale y
	plot for [i = 1:n] 'latency.dat' using i + 1:xtic(1) title word(names, i) linecolor rgb word(colours, i)
	unset logscale y
}
if (has('idle')) {
	set output 'idle.svg'
	set title 'User memory of an idle conn, bytes (less is better)'
	set yrange [10:*]
	set logscale y
	plot for [i = 1:n] 'idle.dat' using i + 1:xtic(1) title word(names, i) linecolor rgb word(colours, i)
}
