#include "tools/picture/page_frame.h"

#include "tools/picture/markup.h"
#include "tools/picture/palette.h"

static const char style[] =
    "*{box-sizing:border-box}"
    "body{margin:0 auto;padding:1rem;max-width:78rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);"
    "background:var(--paper);overflow-wrap:anywhere}"
    "h1{font-size:1.5rem;line-height:1.25;margin:.2rem 0}h2{font-size:1.15rem;margin:1.6rem 0 .5rem}"
    "p{margin:.3rem 0}.quiet{color:var(--quiet)}.word{font-weight:700}.good{color:var(--good)}.bad{color:var(--bad)}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem;min-width:100%}"
    "th,td{text-align:left;padding:.25rem .9rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top;"
    "overflow-wrap:normal;white-space:nowrap}td.text{white-space:normal;min-width:5rem;max-width:24rem}"
    ".n{text-align:right;font-variant-numeric:tabular-nums}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:.5rem 0}dt{font-weight:600}dd{margin:0}"
    "summary{cursor:pointer;font-weight:600}details{margin:1rem 0}code{font-size:.92em}"
    "@media(max-width:40rem){dl{grid-template-columns:1fr}dd{margin:0 0 .4rem}}"
    "@media print{body{max-width:none;padding:0}.wide{overflow:visible}table{font-size:.7rem}"
    "td,th{white-space:normal}*{print-color-adjust:exact}}";

void page_begin(FILE *to, const char *title, const char *more)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
          to);
    markup_text(to, title);
    fputs("</title>\n<style>", to);
    palette_html_style(to);
    fprintf(to, "%s%s</style>\n</head>\n<body>\n<h1>", style, more);
    markup_text(to, title);
    fputs("</h1>\n", to);
}

void page_end(FILE *to)
{
    fputs("</body>\n</html>\n", to);
}
