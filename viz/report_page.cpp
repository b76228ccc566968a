#include "viz/report_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "properties/describe.hpp"
#include "properties/journeys.hpp"
#include "properties/story.hpp"
#include "runtime/json.hpp"
#include "viz/state_graph.hpp"
#include "viz/svg.hpp"
#include "viz/timeline.hpp"
#include "viz/words.hpp"

namespace orrery::viz {
namespace {

constexpr std::string_view kCss = R"css(
:root{color-scheme:light}
body{margin:0 auto;padding:1rem;max-width:80rem;font:16px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff}
h1{font-size:1.25rem;margin:.2rem 0}h2{font-size:1.1rem;margin:1.6rem 0 .4rem;border-bottom:1px solid #c4c7cc}
.bad{color:#b34700}.good{color:#00704f}.muted{color:#5f6368}
pre{overflow-x:auto;background:#f1f3f4;padding:.7rem;border-radius:6px;font:13px/1.45 ui-monospace,Menlo,Consolas,monospace}
.picture{overflow-x:auto;border:1px solid #c4c7cc;border-radius:6px}.picture svg{display:block}
.table{overflow:auto;max-height:70vh;border:1px solid #c4c7cc;border-radius:6px}
table{border-collapse:collapse;width:100%;font-size:14px}
th{position:sticky;top:0;background:#f1f3f4;text-align:left}th,td{padding:.25rem .6rem;vertical-align:top}
tbody tr:nth-child(even){background:#fafafa}td.time{white-space:nowrap;font-variant-numeric:tabular-nums}td.what{overflow-wrap:anywhere}
tr.evidence td{background:#f6eeb0}
form{display:flex;flex-wrap:wrap;gap:.5rem;margin:.5rem 0}input,select,button{font:inherit;padding:.3rem .5rem}input{flex:1 1 14rem}
)css";

/// Rows are made as they are asked for, from the data: text is only ever set as text.
constexpr std::string_view kScript = R"js(
"use strict";
const data = JSON.parse(document.getElementById("facts").textContent);
const body = document.getElementById("rows"), count = document.getElementById("count");
const find = document.getElementById("find"), host = document.getElementById("host"), kind = document.getElementById("kind");
const evidence = document.getElementById("evidence"), more = document.getElementById("more");
let most = 200;
const option = (select, value) => { const o = document.createElement("option"); o.value = o.textContent = value; select.append(o); };
[...new Set(data.map(f => f[1]))].sort().forEach(v => { if (v) option(host, v); });
[...new Set(data.map(f => f[2]))].sort().forEach(v => option(kind, v));
function show() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = data.filter(f => (!host.value || f[1] === host.value) && (!kind.value || f[2] === kind.value) &&
    (!evidence.checked || f[4]) && words.every(w => (f[0] + " " + f[1] + " " + f[2] + " " + f[3]).toLowerCase().includes(w)));
  body.replaceChildren(...found.slice(0, most).map(f => {
    const row = document.createElement("tr");
    if (f[4]) row.className = "evidence";
    ["time", "host", "kind", "what"].forEach((name, i) => { const c = document.createElement("td"); c.className = name; c.textContent = f[i]; row.append(c); });
    return row;
  }));
  count.textContent = found.length + " of " + data.length + " facts" + (found.length > most ? ", the first " + most + " are shown" : "");
  more.hidden = found.length <= most;
}
[find, host, kind, evidence].forEach(e => e.addEventListener("input", () => { most = 200; show(); }));
more.addEventListener("click", () => { most += 1000; show(); });
document.getElementById("search").addEventListener("submit", e => e.preventDefault());
show();
)js";

/// JSON that may stand within <script>: pure ASCII, and nothing in it can end the element.
std::string json_in_script(const Json& json) {
  const std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    if (c == '<' || c == '>' || c == '&') {
      safe += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      safe += c;
    }
  }
  return safe;
}

class Page {
 public:
  Page(const RunView& run, const std::string& replay_command) : run_(run), replay_command_(replay_command) {}

  std::string write() {
    html_ =
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src "
        "'unsafe-inline'\">\n";
    html_ += "<title>" + escaped(run_.name) + "</title>\n<style>" + std::string(kCss) + "</style></head><body>\n";
    verdicts();
    command();
    faults();
    pictures();
    facts();
    html_ += "</body></html>\n";
    return std::move(html_);
  }

 private:
  void element(std::string_view tag, std::string_view text, std::string_view css = {}) {
    html_ += fmt::format("<{}{}>{}</{}>\n", tag, css.empty() ? "" : fmt::format(" class=\"{}\"", css), escaped(text), tag);
  }

  void verdicts() {
    html_ += "<h1>" + escaped(run_.name) + "</h1>\n";
    const JudgedProperty* first = run_.violated();
    if (!run_.stuck.empty()) {
      element("p", "VIOLATED: every run comes to its end", "bad");
      element("p", run_.stuck);
    } else if (first == nullptr) {
      element("p", run_.judged.empty() ? "Nothing was judged." : "Every property held.", run_.judged.empty() ? "muted" : "good");
    }
    for (const JudgedProperty& one : run_.judged) {
      if (one.verdict.holds || one.verdict.violations.empty()) continue;
      html_ += "<h2 class=\"bad\">VIOLATED: " + escaped(one.property->name) + "</h2>\n";
      element("p", "What must hold: " + one.property->claim, "muted");
      html_ += "<p><strong>" + escaped(one.verdict.violations.front().what) + "</strong></p>\n";
      element("pre", story(one.verdict.violations.front(), run_.history));
      if (one.verdict.violated > 1) element("p", fmt::format("and {} more of this property", one.verdict.violated - 1), "muted");
    }
  }

  void command() {
    html_ += "<h2>Run it again</h2>\n";
    element("pre", replay_command_);
  }

  void faults() {
    html_ += "<h2>Faults</h2>\n";
    std::size_t count = 0;
    std::string rows;
    for (const Event& event : run_.history.events()) {
      if (event.kind != EventKind::fault_injected) continue;
      ++count;
      rows += fmt::format("<tr><td class=\"time\">{}</td><td>{}</td><td>{}</td><td class=\"what\">{}</td></tr>\n",
                          escaped(clock_text(event.at)), escaped(event.subject), escaped(event.host), escaped(event.text));
    }
    if (count == 0) return element("p", "None struck.");
    html_ +=
        "<div class=\"table\"><table><thead><tr><th>time</th><th>fault</th><th>target</th><th>in words</th></tr></thead><tbody>\n" +
        rows + "</tbody></table></div>\n";
  }

  void pictures() {
    html_ += "<h2>What happened</h2>\n<div class=\"picture\">";
    TimelineOptions timeline;
    timeline.bare = true;
    html_ += timeline_svg(run_, timeline) + "</div>\n";
    const HistoryIndex index(run_.history);
    bool any = false;
    for (const Journeys& journeys : journeys_of(index)) any = any || !journeys.all.empty();
    if (!any) return;
    html_ += "<h2>States</h2>\n<div class=\"picture\">";
    GraphOptions graph;
    graph.bare = true;
    html_ += graph_svg(run_, graph) + "</div>\n";
  }

  void facts() {
    Json rows = Json::array();
    std::vector<EventId> evidence;
    for (const JudgedProperty& one : run_.judged) {
      if (one.verdict.holds || one.verdict.violations.empty()) continue;
      const auto& proof = one.verdict.violations.front().evidence;
      evidence.insert(evidence.end(), proof.begin(), proof.end());
    }
    std::ranges::sort(evidence);
    for (const Event& event : run_.history.events()) {
      if (!is_fact(event.kind)) continue;
      rows.push_back(Json::array({clock_text(event.at), std::string(actor_of(event)), to_string(event.kind), describe(event),
                                  std::ranges::binary_search(evidence, event.id)}));
    }
    html_ +=
        "<h2>Facts</h2>\n<form id=\"search\"><input id=\"find\" type=\"search\" placeholder=\"words, ids, times\" aria-label=\"search\">"
        "<select id=\"host\" aria-label=\"host\"><option value=\"\">every host</option></select>"
        "<select id=\"kind\" aria-label=\"kind\"><option value=\"\">every kind</option></select>"
        "<label><input id=\"evidence\" type=\"checkbox\"> evidence only</label></form>\n"
        "<p id=\"count\" class=\"muted\"></p><noscript><p>The table of facts needs JavaScript.</p></noscript>\n"
        "<div class=\"table\"><table><thead><tr><th>time</th><th>host</th><th>kind</th><th>what</th></tr></thead>"
        "<tbody id=\"rows\"></tbody></table></div>\n<p><button id=\"more\" type=\"button\" hidden>show more</button></p>\n"
        "<script type=\"application/json\" id=\"facts\">";
    html_ += json_in_script(rows) + "</script>\n<script>" + std::string(kScript) + "</script>\n";
  }

  const RunView& run_;
  const std::string& replay_command_;
  std::string html_;
};

}  // namespace

std::string report_html(const RunView& run, const std::string& replay_command) { return Page(run, replay_command).write(); }

}  // namespace orrery::viz
