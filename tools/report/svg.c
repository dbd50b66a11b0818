/* SPDX-License-Identifier: MIT */
/* Drawing. Everything is placed in a view box of fixed width, which the browser scales. */
#include "tools/report/svg.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/report/private.h"

enum {
	WIDTH = 1040,
	LEFT = 170,
	RIGHT = 16,
	LANE = 34,
	AXIS = 26,
	PLOT_WIDTH = 520,
	PLOT_HEIGHT = 220,
	CURVE_COLOURS = 6,
	LANES_MAX = 64,
	ROW = 9, /* of a machine */
	BARS_MAX = 24,
	LABEL_MAX = 22, /* characters that fit beside a lane or a bar */
};

struct svg_scale {
	int64_t from_ms, span_ms;
	int left, width;
};

const char *svg_severity_class(const char *severity)
{
	return !strcmp(severity, "error") ? "bad" : !strcmp(severity, "warning") ? "warn" : "note";
}

static double place(const struct svg_scale *scale, int64_t ms)
{
	int64_t in = ms - scale->from_ms;

	in = in < 0 ? 0 : in > scale->span_ms ? scale->span_ms : in;
	return scale->left + (double)in * scale->width / (double)scale->span_ms;
}

/* 1, 2 or 5 times a power of ten, so that @span has at most @count steps. */
static int64_t step_for(int64_t span, int count)
{
	static const int nice[] = { 1, 2, 5 };

	for (int64_t power = 1;; power *= 10)
		for (int i = 0; i < 3; i++)
			if (power * nice[i] * count >= span)
				return power * nice[i];
}

static void add_time_axis(struct str *text, const struct svg_scale *scale, int height)
{
	int64_t step = step_for(scale->span_ms, 8);

	for (int64_t ms = 0; ms <= scale->span_ms; ms += step) {
		double x = place(scale, scale->from_ms + ms);

		str_addf(
			text,
			"<line x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" y2=\"%d\" stroke=\"var(--line)\"/>",
			x, x, height);
		str_addf(text,
		         "<text class=\"dim\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g "
		         "s</text>",
		         x, height + 16, (double)ms / 1000);
	}
}

static void add_titled(struct str *text, const char *name, const char *more)
{
	str_add(text, "<title>");
	text_add_escaped(text, name);
	text_add_escaped(text, more);
	str_add(text, "</title>");
}

/* A label that ends at @x. A long one is cut, and its title has the whole text. */
static void add_label(struct str *text, int x, int y, const char *label)
{
	size_t len = 0, characters = 0;

	for (; label[len] && characters <= LABEL_MAX; len++)
		characters += (label[len] & 0xc0) !=
		              0x80; /* a continuation byte is no character, utf-8(7) */
	str_addf(text, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", x, y);
	if (characters > LABEL_MAX) {
		cleanup_free char *start = NULL;

		for (len--, characters = 2; characters; characters -= (label[len] & 0xc0) != 0x80)
			len--;
		start = str_copy_len(label, len);
		text_add_escaped(text, start);
		str_add(text, "…");
		add_titled(text, label, "");
	} else {
		text_add_escaped(text, label);
	}
	str_add(text, "</text>");
}

static void add_bar(struct str *text, const struct svg_scale *scale, int64_t from_ms,
                    int64_t until_ms, int y, int height, const char *colour, const char *title,
                    const char *more)
{
	double x = place(scale, from_ms), end = place(scale, until_ms);

	str_addf(text,
	         "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\" "
	         "fill=\"var(--%s)\">",
	         x, y, end - x < 1.5 ? 1.5 : end - x, height, colour);
	add_titled(text, title, more);
	str_add(text, "</rect>");
}

static void add_span(struct str *text, const struct report_run *run, const struct svg_scale *scale,
                     const struct report_span *span, int y, const char *colour, const char *title)
{
	int64_t until_ms = run_span_end(run, span->worker, span->until_ms);

	add_bar(text, scale, span->from_ms, until_ms, y, 4, colour, title, span->name);
}

static void add_spans(struct str *text, const struct report_run *run, const struct svg_scale *scale,
                      unsigned int worker, int y)
{
	for (size_t i = 0; i < run->test_count; i++) {
		const struct report_span *span = &run->tests[i];

		if (span->worker == worker)
			add_span(text, run, scale, span, y + 15, "test", "test ");
	}
	for (size_t i = 0; i < run->port_count; i++) {
		const struct report_span *span = &run->ports[i];
		cleanup_free char *title = str_print("port %d (real port %d) ", span->port,
		                                     span->real_port);

		if (span->worker == worker)
			add_span(text, run, scale, span, y + 21, "port", title);
	}
}

static void add_fault(struct str *text, const struct svg_scale *scale, const json_t *fault, int y)
{
	cleanup_free char *title = str_print("fault %s: ", record_text(fault, "fault"));

	str_addf(text,
	         "<path d=\"M%.1f %dl10 10m0 -10l-10 10\" stroke=\"var(--fg)\" "
	         "stroke-width=\"2.5\">",
	         place(scale, record_number(fault, "time_ms")) - 5, y + 3);
	add_titled(text, title, record_text(fault, "detail"));
	str_add(text, "</path>");
}

static void add_lane(struct str *text, const struct report_run *run, const struct svg_scale *scale,
                     const struct report_worker *worker, int y)
{
	cleanup_free char *title = run_worker_title(run, worker->number);
	const char *colour = !strcmp(worker->status, "passed")   ? "good"
	                     : !strcmp(worker->status, "failed") ? "bad"
	                                                         : "dim";

	add_label(text, LEFT - 10, y + 14, title);
	if (worker->from_ms)
		add_bar(text, scale, worker->from_ms, run_span_end(run, worker->number, 0), y + 4,
		        9, colour, title, worker->status);
	add_spans(text, run, scale, worker->number, y);
	for (size_t i = 0; i < run->fault_count; i++)
		if (record_number(run->faults[i], "worker") == worker->number)
			add_fault(text, scale, run->faults[i], y);
	for (size_t i = 0; i < run->finding_count; i++) {
		const json_t *finding = run->findings[i];

		if (record_number(finding, "worker") != worker->number)
			continue;
		str_addf(text,
		         "<path d=\"M%.1f %dl7 12h-14z\" fill=\"var(--%s)\" "
		         "stroke=\"var(--card)\">",
		         place(scale, record_number(finding, "time_ms")), y + 1,
		         svg_severity_class(record_text(finding, "severity")));
		add_titled(text, record_text(finding, "title"), "");
		str_add(text, "</path>");
	}
}

void svg_timeline(struct str *text, const struct report_run *run)
{
	size_t shown = run->worker_count < LANES_MAX ? run->worker_count : LANES_MAX;
	int height = (int)shown * LANE;
	struct svg_scale scale = { run->from_ms, run->until_ms - run->from_ms, LEFT,
		                   WIDTH - LEFT - RIGHT };

	if (scale.span_ms <= 0)
		scale.span_ms = 1;
	str_addf(text,
	         "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"timeline of workers\">",
	         WIDTH, height + AXIS);
	add_time_axis(text, &scale, height);
	for (size_t i = 0; i < shown; i++)
		add_lane(text, run, &scale, &run->workers[i], (int)i * LANE);
	str_add(text,
	        "</svg><div class=\"dim\">Thick bar: the worker. Below it: <span "
	        "style=\"color:var(--test)\">tests</span> and "
	        "<span style=\"color:var(--port)\">listening ports</span>. Triangles: findings.");
	if (run->fault_count)
		str_add(text, " Crosses: faults that --inject made.");
	if (shown < run->worker_count)
		str_addf(text, " %zu more workers are in the table.", run->worker_count - shown);
	str_add(text, "</div>");
}

/*
 * Give each worker of @shard the first row that is free when it begins. Workers are in the order of
 * their numbers, in which they begin as a rule. Return: the number of rows.
 */
static unsigned int pack_rows(const struct report_run *run, unsigned int shard, unsigned int *rows)
{
	cleanup_free int64_t *free_ms = mem_alloc(run->worker_count * sizeof(*free_ms));
	unsigned int count = 0;

	for (size_t i = 0; i < run->worker_count; i++) {
		const struct report_worker *worker = &run->workers[i];
		unsigned int row = 0;

		if (worker->shard != shard || !worker->from_ms)
			continue;
		while (row < count && free_ms[row] > worker->from_ms)
			row++;
		free_ms[row] = run_span_end(run, worker->number, 0);
		rows[i] = row;
		count = row + 1 > count ? row + 1 : count;
	}
	return count;
}

void svg_machines(struct str *text, const struct report_run *run)
{
	unsigned int shards = run_shards(run);
	cleanup_free unsigned int *rows = mem_alloc(run->worker_count * sizeof(*rows));
	cleanup_str struct str bars = { 0 };
	struct svg_scale scale = { run->from_ms, run->until_ms - run->from_ms, LEFT,
		                   WIDTH - LEFT - RIGHT };
	int y = 0;

	if (scale.span_ms <= 0)
		scale.span_ms = 1;
	for (unsigned int shard = 1; shard <= shards; shard++) {
		unsigned int count = pack_rows(run, shard, rows);
		cleanup_free char *label = str_print("shard %u%s", shard, count ? "" : ": no task");

		add_label(&bars, LEFT - 10, y + 14, label);
		for (size_t i = 0; i < run->worker_count; i++) {
			const struct report_worker *worker = &run->workers[i];
			cleanup_free char *title = run_worker_title(run, worker->number),
					  *more = str_print(" %s", worker->status);

			if (worker->shard == shard && worker->from_ms)
				add_bar(&bars, &scale, worker->from_ms,
				        run_span_end(run, worker->number, 0),
				        y + 4 + (int)rows[i] * ROW, ROW - 2,
				        strcmp(worker->status, "passed") ? "bad" : "good", title,
				        more);
		}
		y += (count < 2 ? 2 : (int)count) * ROW + 8;
		str_addf(&bars,
		         "<line x1=\"0\" x2=\"%d\" y1=\"%d\" y2=\"%d\" stroke=\"var(--line)\"/>",
		         WIDTH, y - 2, y - 2);
	}
	str_addf(text,
	         "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"timeline of machines\">",
	         WIDTH, y + AXIS);
	add_time_axis(text, &scale, y);
	str_addf(
		text,
		"%s</svg><div class=\"dim\">A bar for each worker: point at it for its name.</div>",
		bars.text ? bars.text : "");
}

static int64_t highest(const struct report_run *run, const char *field)
{
	int64_t max = 0;

	for (size_t i = 0; i < run->sample_count; i++)
		if (record_number(run->samples[i], field) > max)
			max = record_number(run->samples[i], field);
	return max;
}

static void add_curve(struct str *text, const struct report_run *run, const struct svg_scale *scale,
                      const char *field, int64_t top, unsigned int worker, int bottom)
{
	cleanup_free char *title = run_worker_title(run, worker);
	bool begun = false;

	for (size_t i = 0; i < run->sample_count; i++) {
		const json_t *sample = run->samples[i];

		if (record_number(sample, "worker") != worker)
			continue;
		str_addf(text, "%s%.1f %.1f",
		         begun ? "L" : "<path fill=\"none\" stroke-width=\"1.6\" d=\"M",
		         place(scale, record_number(sample, "time_ms")),
		         bottom - (double)record_number(sample, field) * (bottom - 10) /
		                          (double)top);
		begun = true;
	}
	if (!begun)
		return;
	str_addf(text, "\" stroke=\"var(--s%u)\">", (worker - 1) % CURVE_COLOURS + 1);
	add_titled(text, title, "");
	str_add(text, "</path>");
}

/*
 * The colours of the workers; with more workers than colours, the titles of the curves name them.
 */
static void add_legend(struct str *text, const struct report_run *run)
{
	str_add(text, "<div class=\"dim legend\">");
	for (size_t i = 0; run->worker_count <= CURVE_COLOURS && i < run->worker_count; i++) {
		cleanup_free char *title = run_worker_title(run, run->workers[i].number);

		str_addf(text, "<span><i style=\"background:var(--s%u)\"></i>",
		         (run->workers[i].number - 1) % CURVE_COLOURS + 1);
		text_add_escaped(text, title);
		str_add(text, "</span>");
	}
	str_addf(text, "%s</div>",
	         run->worker_count > CURVE_COLOURS
	                 ? "A line for each worker: point at it for its name."
	                 : "");
}

void svg_plot(struct str *text, const struct report_run *run, const char *field, const char *title,
              int64_t unit)
{
	struct svg_scale scale = { run->from_ms, run->until_ms - run->from_ms, 46,
		                   PLOT_WIDTH - 60 };
	int bottom = PLOT_HEIGHT - AXIS;
	int64_t max = highest(run, field), step, top;

	if (run->sample_count < 2 || scale.span_ms <= 0 || !max)
		return;
	step = step_for((max + unit - 1) / unit, 4);
	top = (max / unit / step + 1) * step;
	str_addf(text,
	         "<div class=\"box\"><b>%s</b><svg viewBox=\"0 0 %d %d\" role=\"img\" "
	         "aria-label=\"%s over time\">",
	         title, PLOT_WIDTH, PLOT_HEIGHT, title);
	add_time_axis(text, &scale, bottom);
	for (int64_t value = 0; value <= top; value += step) {
		double y = bottom - (double)value * (bottom - 10) / (double)top;

		str_addf(text,
		         "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" "
		         "stroke=\"var(--line)\"/><text "
		         "class=\"dim\" x=\"%d\" "
		         "y=\"%.1f\" text-anchor=\"end\">%lld</text>",
		         scale.left, scale.left + scale.width, y, y, scale.left - 6, y + 4,
		         (long long)value);
	}
	for (size_t i = 0; i < run->worker_count; i++)
		add_curve(text, run, &scale, field, top * unit, run->workers[i].number, bottom);
	str_add(text, "</svg>");
	add_legend(text, run);
	str_add(text, "</div>");
}

static int by_duration(const void *a, const void *b)
{
	int64_t left = worker_duration_ms(*(const struct report_worker *const *)a);
	int64_t right = worker_duration_ms(*(const struct report_worker *const *)b);

	return right > left ? 1 : right < left ? -1 : 0;
}

static void add_duration(struct str *text, const struct report_run *run,
                         const struct report_worker *worker, int row, int64_t longest_ms)
{
	cleanup_free char *title = run_worker_title(run, worker->number);
	int64_t ms = worker_duration_ms(worker);
	double width = (double)ms * (PLOT_WIDTH - 210) / (double)longest_ms;

	width = width < 2 ? 2 : width;
	add_label(text, 152, row * 22 + 18, title);
	str_addf(text,
	         "<rect x=\"160\" y=\"%d\" width=\"%.1f\" height=\"14\" rx=\"2\" "
	         "fill=\"var(--%s)\"/><text class=\"dim\" x=\"%.1f\" y=\"%d\">%.1f</text>",
	         row * 22 + 7, width, !strcmp(worker->status, "failed") ? "bad" : "s1", 166 + width,
	         row * 22 + 18, (double)ms / 1000);
}

void svg_durations(struct str *text, const struct report_run *run)
{
	cleanup_free const struct report_worker **order = mem_alloc((run->worker_count + 1) *
	                                                            sizeof(*order));
	int shown = run->worker_count < BARS_MAX ? (int)run->worker_count : BARS_MAX;
	int64_t longest_ms = 1;

	for (size_t i = 0; i < run->worker_count; i++)
		order[i] = &run->workers[i];
	qsort(order, run->worker_count, sizeof(*order), by_duration);
	if (shown && worker_duration_ms(order[0]))
		longest_ms = worker_duration_ms(order[0]);
	str_addf(text,
	         "<div class=\"box\"><b>seconds per worker, longest first</b>"
	         "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"durations\">",
	         PLOT_WIDTH, shown * 22 + 8);
	for (int i = 0; i < shown; i++)
		add_duration(text, run, order[i], i, longest_ms);
	str_add(text, "</svg></div>");
}
