/* SPDX-License-Identifier: MIT */
#ifndef BERTH_REPORT_HTML_STYLE_H
#define BERTH_REPORT_HTML_STYLE_H
/* The CSS and the script of the HTML report, for html.c. */

/* clang-format off */
static const char style[] =
	":root{color-scheme:light dark;--bg:#fff;--fg:#1c2128;--dim:#636c76;--line:#d8dee4;"
	"--card:#f6f8fa;--good:#1f883d;--bad:#cf222e;--warn:#9a6700;--note:#0969da;"
	"--port:#0969da;--test:#8250df;"
	"--s1:#0969da;--s2:#bf3989;--s3:#1a7f37;--s4:#9a6700;--s5:#8250df;--s6:#bc4c00}"
	"@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#8d96a0;"
	"--line:#30363d;--card:#161b22;--good:#3fb950;--bad:#f85149;--warn:#d29922;"
	"--note:#58a6ff;--port:#58a6ff;--test:#bc8cff;"
	"--s1:#58a6ff;--s2:#f778ba;--s3:#56d364;--s4:#e3b341;--s5:#d2a8ff;--s6:#ffa657}}"
	"*{box-sizing:border-box}"
	"body{margin:0 auto;padding:24px;max-width:1120px;background:var(--bg);color:var(--fg);"
	"font:15px/1.5 system-ui,sans-serif}"
	"h1{font-size:22px;margin:0 0 4px}h2{font-size:17px;margin:32px 0 10px}"
	".dim{color:var(--dim)}code{overflow-wrap:anywhere}"
	"code,pre{font:13px/1.5 ui-monospace,monospace}pre{overflow:auto;margin:8px 0 0}"
	".tiles{display:flex;flex-wrap:wrap;gap:12px;margin:18px 0}"
	".tile{background:var(--card);border:1px solid var(--line);"
	"border-radius:8px;padding:10px 16px;min-width:110px}"
	".tile b{display:block;font-size:22px;line-height:1.2}"
	".good{color:var(--good)}.bad{color:var(--bad)}"
	".warn{color:var(--warn)}.note{color:var(--note)}"
	"details,.box{background:var(--card);border:1px solid var(--line);border-radius:8px;"
	"padding:10px 14px;margin:0 0 10px}summary{cursor:pointer}.scroll{overflow-x:auto}"
	"table{border-collapse:collapse;width:100%;font-size:14px}th,td{text-align:left;"
	"padding:5px 7px;border-bottom:1px solid var(--line);white-space:nowrap}"
	"td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}"
	"th{font-size:12px;vertical-align:bottom}th.n{white-space:normal}"
	"td.task{white-space:normal;min-width:90px;overflow-wrap:anywhere}"
	".legend span{margin-right:14px;white-space:nowrap}"
	".legend i{display:inline-block;width:14px;height:3px;margin-right:5px;"
	"vertical-align:middle}"
	"ol{margin:0;padding-left:26px}li{margin:0 0 8px}li pre{white-space:pre-wrap;margin:2px 0}"
	"a{color:var(--note)}.verdict{font-size:18px;font-weight:600;margin:14px 0 0}"
	"#filter{display:none;width:100%;margin:18px 0 0;padding:7px 10px;font:inherit;"
	"color:var(--fg);background:var(--card);border:1px solid var(--line);border-radius:8px}"
	"details pre{max-height:420px}"
	"svg{display:block;width:100%;height:auto}"
	"svg text{fill:var(--fg);font:12px system-ui,sans-serif}svg .dim{fill:var(--dim)}"
	".pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(440px,1fr));gap:12px}"
	"dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 14px;margin:8px 0 0}"
	"dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}"
	"dd.stack{font:12px/1.5 ui-monospace,monospace}.scroll svg{min-width:640px}"
	"@media(max-width:520px){.pair{grid-template-columns:1fr}body{padding:14px}}"
	/* on paper nothing can be scrolled or opened */
	"@media print{body{padding:0;max-width:none}details,.box,.tile,tr{break-inside:avoid}"
	"h2{break-after:avoid}.scroll{overflow:visible}.scroll svg{min-width:0}"
	"table{font-size:11px}"
	"details::details-content{content-visibility:visible}}";
/* clang-format on */

/* Hide what does not contain the words of the field; .f marks what can be hidden. */
static const char script[] =
	"<script>(function(){var f=document.getElementById('filter');f.style.display='block';"
	"f.addEventListener('input',function(){var w=f.value.toLowerCase().split(/\\s+/);"
	"document.querySelectorAll('.f').forEach(function(e){"
	"var t=e.textContent.toLowerCase();"
	"e.style.display=w.every(function(x){return t.includes(x)})?'':'none'})})})()</script>\n";

#endif
