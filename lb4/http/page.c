/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The files of the status page: see page.h.  Called by metrics.c. */
#include "lb4/http/page.h"

#include <stdint.h>
#include <string.h>

/*
 * The assembler reads a file into the read-only data: `name` and its size.  The
 * path is relative to the root of the source.  The Makefile knows that the
 * object depends on the files.
 */
#define EMBED(name, file) \
	__asm__(".pushsection .rodata\n" \
		".global " #name ", " #name "_len\n" \
		".balign 8\n" #name "_len: .8byte 2f - 1f\n" #name ":\n" \
		"1: .incbin \"lb4/http/page/" file "\"\n2:\n" \
		".popsection\n"); \
	extern const char name[]; \
	extern const uint64_t name##_len

EMBED(page_html, "index.html");
EMBED(page_css, "page.css");
EMBED(page_icon, "icon.svg");
EMBED(page_page, "page.js");
EMBED(page_chart, "chart.js");
EMBED(page_data, "data.js");
EMBED(page_dom, "dom.js");
EMBED(page_panels, "panels.js");
EMBED(page_services, "services.js");
EMBED(page_text, "text.js");
EMBED(page_tiles, "tiles.js");

#define TYPE_CSS "text/css; charset=utf-8"
#define TYPE_HTML "text/html; charset=utf-8"
#define TYPE_SCRIPT "text/javascript; charset=utf-8"
#define TYPE_SVG "image/svg+xml"

static const struct {
	const char *path, *type, *text;
	const uint64_t *len;
} files[] = {
	{ "/", TYPE_HTML, page_html, &page_html_len },
	{ "/page.css", TYPE_CSS, page_css, &page_css_len },
	{ "/icon.svg", TYPE_SVG, page_icon, &page_icon_len },
	{ "/page.js", TYPE_SCRIPT, page_page, &page_page_len },
	{ "/chart.js", TYPE_SCRIPT, page_chart, &page_chart_len },
	{ "/data.js", TYPE_SCRIPT, page_data, &page_data_len },
	{ "/dom.js", TYPE_SCRIPT, page_dom, &page_dom_len },
	{ "/panels.js", TYPE_SCRIPT, page_panels, &page_panels_len },
	{ "/services.js", TYPE_SCRIPT, page_services, &page_services_len },
	{ "/text.js", TYPE_SCRIPT, page_text, &page_text_len },
	{ "/tiles.js", TYPE_SCRIPT, page_tiles, &page_tiles_len },
};

bool
page_find(const char *path, struct page_file *file)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (strcmp(files[i].path, path) != 0)
			continue;
		*file = (struct page_file){ files[i].type, files[i].text,
			(size_t)*files[i].len };
		return true;
	}
	return false;
}
