/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Drawing with ncurses: see top_screen.h. */
#include "lb4/ctl/top_screen.h"

#include <curses.h>
#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "common/escape.h"
#include "lb4/ctl/top_columns.h"
#include "lb4/ctl/top_text.h"

#define LINE_WIDEST 512 /* what is to the right of it stays empty */
#define PLACE_LEAST 60	/* the width that has room for the place */
#define MARK L'~'	/* stands for what was left out */
#define ESCAPE_MS 50	/* Esc is no beginning of a longer key after that */

/* Numbers of pairs of colours. */
enum color { COLOR_OF_GOOD = 1, COLOR_OF_BAD, COLOR_OF_OTHERS };

/* ---- open and close ------------------------------------------------------ */

int
top_screen_open(struct top_screen *screen, bool color)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -ENOTTY;
	(void)setlocale(LC_CTYPE, "");
	screen->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	screen->screen = newterm(NULL, stdout, stdin);
	if (screen->screen == NULL)
		return -ENXIO;
	(void)cbreak();
	(void)noecho();
	(void)keypad(stdscr, TRUE);
	(void)nodelay(stdscr, TRUE);
	(void)set_escdelay(ESCAPE_MS);
	(void)curs_set(0);
	screen->color = color && has_colors() && start_color() == OK;
	if (screen->color) {
		const short back = use_default_colors() == OK ? -1
							      : COLOR_BLACK;

		(void)init_pair(COLOR_OF_GOOD, COLOR_GREEN, back);
		(void)init_pair(COLOR_OF_BAD, COLOR_RED, back);
		(void)init_pair(COLOR_OF_OTHERS, COLOR_YELLOW, back);
	}
	return 0;
}

void
top_screen_close(struct top_screen *screen)
{
	if (screen->screen == NULL)
		return;
	(void)endwin();
	delscreen(screen->screen);
	screen->screen = NULL;
}

void
top_screen_leave(const struct top_screen *screen)
{
	if (screen->screen != NULL)
		(void)endwin();
}

int
top_screen_key(void)
{
	static const struct {
		int theirs, ours;
	} keys[] = {
		{ KEY_UP, TOP_KEY_UP },
		{ KEY_DOWN, TOP_KEY_DOWN },
		{ KEY_PPAGE, TOP_KEY_PAGE_UP },
		{ KEY_NPAGE, TOP_KEY_PAGE_DOWN },
		{ KEY_HOME, TOP_KEY_HOME },
		{ KEY_END, TOP_KEY_END },
		{ KEY_ENTER, TOP_KEY_ENTER },
		{ '\n', TOP_KEY_ENTER },
		{ '\r', TOP_KEY_ENTER },
		{ KEY_BACKSPACE, TOP_KEY_BACKSPACE },
		{ '\b', TOP_KEY_BACKSPACE },
		{ 0x7f, TOP_KEY_BACKSPACE },
	};
	const int key = getch();

	if (key == ERR)
		return -1;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (key == keys[i].theirs)
			return keys[i].ours;
	return key < 0x80 ? key : 0; /* 0: a key that does nothing */
}

/* ---- a piece of a line --------------------------------------------------- */

struct place {
	int y;
	size_t x, width;
	attr_t attr;
	bool right; /* where the text stands in it */
};

/* Fills out[] with what fits of the text; returns how many characters, and in
 * *columns how many columns they take. */
static size_t
fit_text(const struct top_screen *screen, const char *text, size_t width,
    wchar_t *out, size_t *columns)
{
	size_t left = strlen(text), count = 0, len;
	uint32_t code;

	*columns = 0;
	while (left > 0) {
		int wide;

		len = escape_decode(text, left, &code);
		if (len == 0 || (code >= 0x80 && !screen->utf8))
			code = '?';
		len = len == 0 ? 1 : len;
		wide = wcwidth((wchar_t)code);
		if (wide < 0) {
			code = '?';
			wide = 1;
		}
		/* a mark takes the place of the last one that fits */
		if (*columns + (size_t)wide > width) {
			if (count > 0 && wcwidth(out[count - 1]) == 1)
				out[count - 1] = MARK;
			break;
		}
		if (count == LINE_WIDEST)
			break;
		out[count++] = (wchar_t)code;
		*columns += (size_t)wide;
		text += len;
		left -= len;
	}
	return count;
}

static size_t
clip(const struct place *place)
{
	const size_t screen_width = COLS > 0 ? (size_t)COLS : 0;

	if (place->x >= screen_width || place->y >= LINES)
		return 0;
	return place->width < screen_width - place->x ? place->width
						      : screen_width - place->x;
}

static void
put(const struct top_screen *screen, const struct place *place,
    const char *text)
{
	wchar_t out[LINE_WIDEST];
	const size_t width = clip(place);
	size_t columns;
	const size_t count = fit_text(screen, text, width, out, &columns);
	const size_t x = place->x + (place->right ? width - columns : 0);

	if (width == 0)
		return;
	(void)attrset(place->attr);
	(void)mvaddnwstr(place->y, (int)x, out, (int)count);
	(void)attrset(A_NORMAL);
}

/* A whole line, with `attr` up to the right edge. */
static void
put_line(const struct top_screen *screen, int y, attr_t attr, const char *text)
{
	put(screen, &(struct place){ y, 0, (size_t)COLS, attr, false }, text);
	if (attr != A_NORMAL)
		(void)mvchgat(y, 0, -1, attr, (short)PAIR_NUMBER(attr), NULL);
}

/* At the right edge of a line, if it does not meet what is at the left.  False:
 * it does. */
static bool
put_right(const struct top_screen *screen, int y, size_t left, const char *text)
{
	const size_t len = strlen(text);

	if (left + 2 + len > (size_t)COLS)
		return false;
	put(screen,
	    &(struct place){ y, (size_t)COLS - len, len, A_NORMAL, false },
	    text);
	return true;
}

/* ---- the lines above the rows -------------------------------------------- */

static attr_t
state_attr(const struct top_screen *screen, const char *state)
{
	if (!screen->color)
		return A_NORMAL;
	if (strcmp(state, "up") == 0 || strcmp(state, "ready") == 0)
		return COLOR_PAIR(COLOR_OF_GOOD);
	if (strcmp(state, "down") == 0 || strcmp(state, "not-ready") == 0)
		return COLOR_PAIR(COLOR_OF_BAD) | A_BOLD;
	return COLOR_PAIR(COLOR_OF_OTHERS);
}

/* The order, the interval and the time of day, as far as there is room. */
static void
draw_order(const struct top_screen *screen, const struct top_picture *picture,
    size_t left)
{
	const struct top_view *view = picture->view;
	const time_t now = time(NULL);
	char order[64], clock[16] = "", text[128];
	struct tm tm;

	if (localtime_r(&now, &tm) != NULL)
		(void)strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	(void)snprintf(order, sizeof(order), "by %s%s",
	    top_view_sort_name(view->sort), view->reverse ? ", reversed" : "");
	(void)snprintf(text, sizeof(text), "%s  every %g s  %s", order,
	    picture->interval_ms / 1000.0, clock);
	if (put_right(screen, 0, left, text))
		return;
	(void)snprintf(text, sizeof(text), "%s  %s", order, clock);
	if (!put_right(screen, 0, left, text))
		(void)put_right(screen, 0, left, order);
}

static void
draw_node(const struct top_screen *screen, const struct top_picture *picture)
{
	const struct top_node *node = &picture->data->node;
	char text[LINE_WIDEST], up[TOP_TEXT_MAX];
	size_t at, len;

	if (picture->away != NULL) {
		put_line(screen, 0,
		    A_REVERSE |
			(screen->color ? COLOR_PAIR(COLOR_OF_BAD) : A_BOLD),
		    picture->away);
		return;
	}
	if (!picture->data->known) {
		put_line(screen, 0, A_NORMAL, "lb4 has not answered yet");
		return;
	}
	len = (size_t)snprintf(text, sizeof(text), "lb4 %s  ", node->version);
	put_line(screen, 0, A_BOLD, text);
	at = len;
	put(screen,
	    &(struct place){ 0, at, sizeof(node->state),
		state_attr(screen, node->state), false },
	    node->state);
	at += strlen(node->state);
	len = (size_t)snprintf(text, sizeof(text), "%s%s  up %s  pid %" PRIu64,
	    strcmp(node->life, "running") == 0 ? "" : ", ",
	    strcmp(node->life, "running") == 0 ? "" : node->life,
	    top_text_time(node->uptime_ms, up), node->pid);
	put(screen, &(struct place){ 0, at, len, A_NORMAL, false }, text);
	draw_order(screen, picture, at + len);
}

static void
draw_totals(const struct top_screen *screen, const struct top_node *node, int y)
{
	char conns[TOP_TEXT_MAX], most[TOP_TEXT_MAX], per_s[TOP_TEXT_MAX];
	char in[TOP_TEXT_MAX], out[TOP_TEXT_MAX];
	char text[LINE_WIDEST];

	(void)snprintf(text, sizeof(text),
	    "%s of %s conns%s  %s/s  in %s/s  out %s/s  queued %" PRIu64
	    "  failed %" PRIu64 "  retries %" PRIu64,
	    top_text_number((double)node->conns, conns),
	    top_text_number((double)node->maxconn, most),
	    node->full ? " (at maxconn)" : "",
	    top_text_number(node->accepted_per_s, per_s),
	    top_text_bytes(node->to_backend_per_s, in),
	    top_text_bytes(node->to_client_per_s, out), node->queued,
	    node->failed, node->retries);
	put_line(screen, y, A_NORMAL, text);
}

static double
percent(double share)
{
	if (isnan(share) || share < 0)
		return 0;
	return share > 1 ? 100 : share * 100;
}

/* For a line that has no room for each worker. */
static void
sum_workers(const struct top_data *data, char *buf, size_t size)
{
	double least = 100, most = 0, sum = 0;

	for (size_t i = 0; i < data->workers; i++) {
		const double busy = percent(data->worker[i].busy);

		least = busy < least ? busy : least;
		most = busy > most ? busy : most;
		sum += busy;
	}
	(void)snprintf(buf, size,
	    "%zu workers: busy %.0f%%, the least %.0f%%, the most %.0f%%",
	    data->workers, sum / (double)data->workers, least, most);
}

/* "workers  0: 34%, 12 conns  1: 36%, 11 conns" */
static void
draw_workers(const struct top_screen *screen, const struct top_data *data,
    int y)
{
	char text[LINE_WIDEST] = "busy workers";
	size_t len = strlen(text);

	for (size_t i = 0; i < data->workers; i++) {
		const struct top_worker *worker = &data->worker[i];
		char conns[TOP_TEXT_MAX];

		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "  %u: %.0f%%, %s conns", worker->number,
		    percent(worker->busy),
		    top_text_number((double)worker->conns, conns));
		if (len > (size_t)COLS || len >= sizeof(text)) {
			sum_workers(data, text, sizeof(text));
			break;
		}
	}
	put_line(screen, y, A_NORMAL, text);
}

/* The titles, and at the right which rows are shown if not all of them are. */
static void
draw_titles(const struct top_screen *screen, const struct top_columns *columns,
    const struct top_view *view, int y)
{
	char place[64];

	put_line(screen, y, A_REVERSE, "");
	for (int i = 0; i < TOP_COLUMN_COUNT; i++)
		put(screen,
		    &(struct place){ y, columns->at[i], columns->width[i],
			A_REVERSE, top_column_right((enum top_column)i) },
		    top_column_title((enum top_column)i));
	if (view->rows <= view->page || view->page == 0 || COLS < PLACE_LEAST)
		return;
	(void)snprintf(place, sizeof(place), " %zu-%zu/%zu", view->scroll + 1,
	    view->scroll + view->page, view->rows);
	put(screen,
	    &(struct place){ y, (size_t)COLS - strlen(place), strlen(place),
		A_REVERSE, false },
	    place);
}

/* ---- rows ---------------------------------------------------------------- */

static void
draw_spark(const struct top_screen *screen, const struct place *place,
    const struct top_row *row, const struct top_view *view)
{
	const struct top_history *history = view->sort == TOP_SORT_BYTES
	    ? &row->bytes
	    : &row->rates;
	wchar_t out[TOP_SECONDS];
	const size_t room = clip(place);
	const size_t width = room < TOP_SECONDS ? room : TOP_SECONDS;

	if (width == 0)
		return;
	top_text_spark(out, width, history->value, TOP_SECONDS, screen->utf8);
	(void)attrset(place->attr);
	(void)mvaddnwstr(place->y, (int)place->x, out, (int)width);
	(void)attrset(A_NORMAL);
}

/* The reason of what is not up takes the room of the sparkline, too, if it
 * needs that. */
static bool
needs_spark(const struct top_row *row, const struct top_columns *columns)
{
	return strcmp(row->state, "up") != 0 &&
	    strlen(row->reason) > columns->width[TOP_COLUMN_REASON];
}

static void
draw_row(const struct top_screen *screen, const struct top_picture *picture,
    const struct top_columns *columns, const struct top_row *row, int y)
{
	const attr_t plain = (row->backend[0] == '\0' ? A_BOLD : A_NORMAL) |
	    (picture->away != NULL ? A_DIM : A_NORMAL);
	const bool long_reason = needs_spark(row, columns);
	char buf[TOP_LONG_MAX];

	for (int i = 0; i < TOP_COLUMN_COUNT; i++) {
		const enum top_column column = (enum top_column)i;
		struct place place = { y, columns->at[i], columns->width[i],
			plain, top_column_right(column) };

		if (column == TOP_COLUMN_STATE)
			place.attr |= state_attr(screen, row->state);
		if (column == TOP_COLUMN_MINUTE && long_reason) {
			place.width = place.width > 0 ? (size_t)COLS : 0;
			put(screen, &place, row->reason);
			break;
		}
		if (column == TOP_COLUMN_MINUTE)
			draw_spark(screen, &place, row, picture->view);
		else
			put(screen, &place, top_column_text(column, row, buf));
	}
}

static void
draw_rows(const struct top_screen *screen, const struct top_picture *picture,
    const struct top_columns *columns, int y)
{
	const struct top_view *view = picture->view;

	for (size_t i = 0; i < view->page && view->scroll + i < view->rows; i++)
		draw_row(screen, picture, columns, view->row[view->scroll + i],
		    y + (int)i);
	if (view->rows == 0 && view->page > 0 && picture->data->known)
		put_line(screen, y, A_NORMAL,
		    view->filter[0] != '\0' ? "nothing matches the filter"
					    : "there are no services");
}

static void
draw_help(const struct top_screen *screen, int y)
{
	static const char *const lines[] = {
		"c r b n s   sort by conns, rate, bytes, name, state",
		"R           reverse the order",
		"/           show only names, addresses and states with a text",
		"            Enter keeps the filter, Esc clears it",
		"arrows      scroll; so do PgUp, PgDn, Home and End",
		"p           pause; go on",
		"h ?         this text; again: the figures",
		"q           quit",
		"",
		"SHARE       of the open conns of the service",
		"CONN/S      conns accepted, or established with the backend",
		"IN/S OUT/S  bytes to the backends, bytes to the clients",
		"LAST MINUTE CONN/S, or bytes when sorted by bytes",
		"FAILED      conns without a backend; attempts that failed",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		put_line(screen, y + (int)i, A_NORMAL, lines[i]);
}

/* ---- the whole ----------------------------------------------------------- */

static void
draw_keys(const struct top_screen *screen, const struct top_view *view, int y)
{
	static const char keys[] =
	    "c conns r rate b bytes n name s state R reverse / filter p pause "
	    "h help q quit";
	char text[LINE_WIDEST];

	if (view->typing)
		(void)snprintf(text, sizeof(text),
		    "/%s_  Enter keeps the filter, Esc clears it",
		    view->filter);
	else if (view->filter[0] != '\0')
		(void)snprintf(text, sizeof(text), "%s/%s  Esc clears  %s",
		    view->paused ? "PAUSED, p continues  " : "", view->filter,
		    keys);
	else
		(void)snprintf(text, sizeof(text), "%s%s",
		    view->paused ? "PAUSED, p continues  " : "", keys);
	put_line(screen, y, A_REVERSE, text);
}

/* The size may have changed while nobody told, for example while this process
 * was stopped. */
static void
take_size(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 &&
	    size.ws_col > 0 && is_term_resized(size.ws_row, size.ws_col))
		(void)resizeterm(size.ws_row, size.ws_col);
}

void
top_screen_draw(const struct top_screen *screen,
    const struct top_picture *picture)
{
	struct top_columns columns;
	const bool known = picture->data->known;
	int y = 1, last;

	take_size();
	last = LINES;
	if (LINES >= 4)
		last--;
	(void)erase();
	if (LINES >= 6 && known)
		y++;
	if (LINES >= 8 && known && picture->data->workers > 0)
		draw_workers(screen, picture->data, y++);
	if (LINES >= 5 && !picture->view->help)
		y++;
	top_view_fit(picture->view, last > y ? (size_t)(last - y) : 0);
	top_columns_fit(&columns, (size_t)COLS, picture->view);
	draw_node(screen, picture);
	if (LINES >= 6 && known)
		draw_totals(screen, &picture->data->node, 1);
	if (picture->view->help) {
		draw_help(screen, y);
	} else {
		if (LINES >= 5)
			draw_titles(screen, &columns, picture->view, y - 1);
		draw_rows(screen, picture, &columns, y);
	}
	if (LINES >= 4)
		draw_keys(screen, picture->view, last);
	(void)refresh();
}
