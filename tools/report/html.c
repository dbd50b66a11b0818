/* SPDX-License-Identifier: MIT */
/*
 * One HTML file without script, font or network. The pictures are inline SVG in CSS colours, so
 * they follow the reader's light or dark setting. Colour is never the only sign: status and
 * severity are written as well.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/base/cleanup.h"
#include "tools/report/private.h"
#include "tools/report/svg.h"

enum { OPEN_FINDINGS = 3 };

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

static void add_tile(struct str *text, const char *class, unsigned long number, const char *label)
{
	str_addf(text, "<div class=\"tile\"><b class=\"%s\">%lu</b>%s</div>",
	         number ? class : "dim", number, label);
}

static void add_head(struct str *text, const struct report_run *run)
{
	cleanup_free char *command = NULL;
	time_t seconds = (time_t)(run->from_ms / 1000);
	struct tm parts;
	char date[40];

	localtime_r(&seconds, &parts);
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &parts);
	str_add(text, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	              "<meta name=\"viewport\" "
	              "content=\"width=device-width,initial-scale=1\"><title>Berth run ");
	text_add_escaped(text, run->run ? record_text(run->run, "id") : "");
	str_addf(text, "</title><style>%s</style></head><body>\n<h1>Berth run ", style);
	text_add_escaped(text, run->run ? record_text(run->run, "id") : "");
	str_addf(text, "</h1><div class=\"dim\">%s, ", date);
	text_add_seconds(text, run->until_ms - run->from_ms);
	str_add(text, " s");
	if (run->run) {
		str_add(text, ", in ");
		text_add_escaped(text, record_text(run->run, "project"));
		str_add(text, "</div><div><code>");
		command = record_join(json_object_get(run->run, "command"), " ");
		text_add_escaped(text, command);
		str_add(text, "</code>");
	}
	str_add(text, "</div>\n<div class=\"tiles\">");
	add_tile(text, "good", run_count_workers(run, "passed"), "passed");
	add_tile(text, "bad", run_count_workers(run, "failed"), "failed");
	add_tile(text, "bad", run_count_findings(run, "error"), "errors");
	add_tile(text, "warn", run_count_findings(run, "warning"), "warnings");
	add_tile(text, "note", run_count_findings(run, "note"), "notes");
	add_tile(text, "", run->port_count, "ports opened");
	str_add(text, "</div>\n");
}

static void add_row(struct str *text, const char *name, const char *value)
{
	if (!*value)
		return;
	str_addf(text, "<dt>%s</dt><dd>", name);
	text_add_escaped(text, value);
	str_add(text, "</dd>");
}

static void add_list(struct str *text, const char *name, const json_t *list, const char *separator)
{
	const json_t *item;
	size_t i;

	if (!json_array_size(list))
		return;
	str_addf(text, "<dt>%s</dt><dd class=\"%s\">", name, name);
	json_array_foreach(list, i, item)
	{
		str_add(text, i ? separator : "");
		text_add_escaped(text, record_string(item));
	}
	str_add(text, "</dd>");
}

static void add_finding(struct str *text, const struct report_run *run, size_t first, bool open)
{
	const json_t *finding = run->findings[first];
	cleanup_free char *workers = report_workers_of(run, first);
	cleanup_free char *count = str_print("%lld times",
	                                     (long long)record_number(finding, "count"));
	const char *severity = record_text(finding, "severity");

	str_addf(text, "<details%s><summary><b class=\"%s\">%s</b> ", open ? " open" : "",
	         svg_severity_class(severity), severity);
	text_add_escaped(text, record_text(finding, "title"));
	str_add(text, ", ");
	text_add_escaped(text, workers);
	str_addf(text, "%s<br>",
	         json_is_true(json_object_get(finding, "known"))
	                 ? " <span class=\"dim\">(known)</span>"
	                 : "");
	text_add_escaped(text, record_text(finding, "detail"));
	str_add(text, "</summary><dl>");
	add_row(text, "remedy", record_text(finding, "remedy"));
	add_row(text, "test", record_text(finding, "test"));
	add_row(text, "command", record_text(finding, "command"));
	add_row(text, "directory", record_text(finding, "directory"));
	add_list(text, "started by", json_object_get(finding, "ancestry"), " &lt; ");
	if (record_number(finding, "count") > 1)
		add_row(text, "seen", count);
	add_list(text, "stack", json_object_get(finding, "stack"), "<br>");
	add_row(text, "fingerprint", record_text(finding, "fingerprint"));
	str_add(text, "</dl></details>\n");
}

static void add_findings(struct str *text, const struct report_run *run)
{
	unsigned int shown = 0;

	str_add(text, "<h2>Findings</h2>\n");
	if (!run->finding_count)
		str_add(text, "<div class=\"box good\">Nothing was left behind, and nothing "
		              "collided.</div>\n");
	for (size_t i = 0; i < run->finding_count; i++)
		if (!report_is_repeated(run, i))
			add_finding(text, run, i, shown++ < OPEN_FINDINGS);
}

static const struct {
	const char *name, *title;
} columns[] = {
	{ "opened", "sockets opened" },
	{ "closed", "closed" },
	{ "accepted", "accepted" },
	{ "connected", "connected" },
	{ "connect_failed", "connect failed" },
	{ "bind_failed", "bind failed" },
	{ "epipe", "EPIPE" },
	{ "econnreset", "RESET" },
	{ "econnrefused", "REFUSED" },
};

/* Above the long timeline of a merged record. */
static void add_failed(struct str *text, const struct report_run *run)
{
	enum { SHOWN_MAX = 40 };
	unsigned int count = 0;

	for (size_t i = 0; i < run->worker_count; i++) {
		const struct report_worker *worker = &run->workers[i];
		cleanup_free char *title = run_worker_title(run, worker->number);

		if (!strcmp(worker->status, "passed") || ++count > SHOWN_MAX)
			continue;
		str_add(text, count == 1 ? "<h2>Not passed</h2><div class=\"box\">" : "<br>");
		text_add_escaped(text, title);
		str_add(text, ": <span class=\"bad\">");
		text_add_escaped(text, *worker->error ? worker->error : worker->status);
		str_add(text, "</span>");
	}
	if (count > SHOWN_MAX)
		str_addf(text, "<br>and %u more", count - SHOWN_MAX);
	str_add(text, count ? "</div>\n" : "");
}

/* The number @name of @record, divided by @unit; "-" if it was not measured. */
static void add_number(struct str *text, const json_t *record, const char *name, int64_t unit)
{
	int64_t number = record_number(record, name) / unit;

	if (!json_is_number(json_object_get(record, name)))
		str_add(text, "<td class=\"n dim\">-");
	else /* a zero is dimmed, so that the other numbers stand out */
		str_addf(text, "<td class=\"n%s\">%lld", number ? "" : " dim", (long long)number);
}

static void add_workers(struct str *text, const struct report_run *run)
{
	str_add(text, "<h2>Workers</h2><div class=\"box "
	              "scroll\"><table><tr><th>worker<th>task<th>result<th class=\"n\">seconds");
	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		str_addf(text, "<th class=\"n\">%s", columns[i].title);
	str_add(text, "<th class=\"n\">peak MiB</tr>\n");
	for (size_t i = 0; i < run->worker_count; i++) {
		const struct report_worker *worker = &run->workers[i];
		const json_t *counts = worker->counts ? json_object_get(worker->counts, "counts")
		                                      : NULL;
		cleanup_free char *name = report_worker_name(worker);

		str_addf(text, "<tr><td>%s<td class=\"task\">", name);
		text_add_escaped(text, worker->task);
		str_addf(text, "<td class=\"%s\">%s",
		         !strcmp(worker->status, "passed") ? "good" : "bad", worker->status);
		if (worker->exit_status)
			str_addf(text, " (%d)", worker->exit_status);
		if (*worker->error) {
			str_add(text, ": ");
			text_add_escaped(text, worker->error);
		}
		str_add(text, "<td class=\"n\">");
		text_add_seconds(text, worker_duration_ms(worker));
		for (size_t k = 0; k < ARRAY_LEN(columns); k++)
			add_number(text, counts, columns[k].name, 1);
		add_number(text, worker->counts, "memory_peak_kib", 1024);
		str_add(text, "</tr>\n");
	}
	str_add(text, "</table></div>\n");
}

static void add_trust(struct str *text, const struct report_run *run)
{
	const json_t *losses = run->run ? json_object_get(run->run, "losses") : NULL, *loss;
	int64_t unaccounted = 0, lost = 0, unmarked = 0,
		missed = record_number(run->ended, "missed");
	size_t i;

	for (i = 0; i < run->worker_count; i++) {
		unaccounted += record_number(run->workers[i].counts, "unaccounted");
		lost += record_number(json_object_get(run->workers[i].counts, "counts"),
		                      "lost_events");
		unmarked += record_number(json_object_get(run->workers[i].counts, "counts"),
		                          "lost_sockets");
	}
	str_add(text, "<h2>How far to trust this</h2><div class=\"box\">Source: ");
	text_add_escaped(text, run->run ? record_text(run->run, "source") : "unknown");
	str_addf(text,
	         ". Sockets created and neither closed nor alive: %lld; not followed to their end: "
	         "%lld. Events lost: %lld. "
	         "Calls of the monitor missed: %lld. Lines of the record that could not be read: "
	         "%zu.",
	         (long long)unaccounted, (long long)unmarked, (long long)lost, (long long)missed,
	         run->malformed);
	json_array_foreach(losses, i, loss)
	{
		str_add(text, "<br>Not seen here: ");
		text_add_escaped(text, record_string(loss));
	}
	str_add(text, "</div>\n");
}

int report_html(const struct report_run *run, const struct report_options *options,
                struct str *text)
{
	(void)options;
	add_head(text, run);
	if (run_shards(run))
		add_failed(text, run);
	str_add(text, "<h2>Timeline</h2><div class=\"box scroll\">");
	if (run_shards(run))
		svg_machines(text, run);
	else
		svg_timeline(text, run);
	str_add(text, "</div>\n");
	add_findings(text, run);
	add_workers(text, run);
	str_add(text, "<h2>Over time</h2><div class=\"pair\">");
	if (!run_shards(run)) { /* curves of hundreds of workers show nothing */
		svg_plot(text, run, "sockets", "open sockets", 1);
		svg_plot(text, run, "memory_kib", "memory, MiB", 1024);
		svg_plot(text, run, "descriptors", "open descriptors", 1);
	}
	svg_durations(text, run);
	str_add(text, "</div>\n");
	add_trust(text, run);
	str_add(text, "</body></html>\n");
	return 0;
}
