#include "services/mediahub/frontend_page.hpp"

namespace orrery::services {
namespace {

constexpr std::string_view kBody = R"html(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="gateway" content="@GATEWAY@">
<title>MediaHub: what is going on</title>
<style>
:root{color-scheme:light dark;--page:light-dark(#f5f6f8,#15171a);--card:light-dark(#fff,#1e2125);--ink:light-dark(#1b1f24,#e6e8eb);
--muted:light-dark(#5b6470,#9aa3ae);--line:light-dark(#dfe3e8,#33383f);--good:light-dark(#00704f,#4cc79a);--bad:light-dark(#a83a00,#ff9b66);
--busy:light-dark(#0b5cad,#79b4f2);--quiet:light-dark(#5b6470,#9aa3ae)}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
header{position:sticky;top:0;z-index:1;background:var(--card);border-bottom:1px solid var(--line);padding:.6rem 1.2rem;display:flex;
flex-wrap:wrap;gap:.5rem 1.2rem;align-items:center}
h1{font-size:1.1rem;margin:0}h2{font-size:1rem;margin:0}
main{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(34rem,100%),1fr));gap:1rem;padding:1rem 1.2rem;max-width:110rem;margin:auto}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;overflow:hidden;display:flex;flex-direction:column}
section>div:first-child{display:flex;align-items:baseline;gap:.6rem;padding:.6rem .9rem;border-bottom:1px solid var(--line)}
.wide{grid-column:1/-1}
.scroll{overflow:auto;max-height:26rem}
form{display:flex;gap:.4rem;align-items:center;margin:0}
input,button{font:inherit;color:inherit;background:var(--page);border:1px solid var(--line);border-radius:6px;padding:.25rem .6rem}
input[type=file]{max-width:16rem}button{cursor:pointer}button:hover{border-color:var(--busy)}
#status{margin-left:auto;color:var(--muted)}#status.bad{color:var(--bad)}
table{border-collapse:collapse;width:100%;font-size:14px}
th{position:sticky;top:0;background:var(--card);text-align:left;color:var(--muted);font-weight:500}
th,td{padding:.35rem .9rem;border-bottom:1px solid var(--line);vertical-align:middle}tbody tr:last-child td{border-bottom:0}
.number{text-align:right;font-variant-numeric:tabular-nums}
code{font:12.5px/1.4 ui-monospace,Menlo,Consolas,monospace}.data{overflow-wrap:anywhere;color:var(--muted);min-width:16rem}
.time{white-space:nowrap;font-variant-numeric:tabular-nums;color:var(--muted)}.muted{color:var(--muted)}.empty{padding:.9rem;color:var(--muted)}
.badge{display:inline-block;border:1px solid currentColor;border-radius:99px;padding:0 .55rem;font-size:12.5px;white-space:nowrap}
.good{color:var(--good)}.bad{color:var(--bad)}.busy{color:var(--busy)}.quiet{color:var(--quiet)}
img{display:block;width:40px;height:40px;object-fit:cover;border-radius:6px;border:1px solid var(--line);image-rendering:pixelated}
.none{display:block;width:40px;height:40px;border-radius:6px;border:1px dashed var(--line)}
.steps{display:flex;flex-wrap:wrap;align-items:stretch;gap:.3rem}
.step{border:1px solid var(--line);border-left:4px solid currentColor;border-radius:6px;padding:.1rem .6rem;min-width:8.5rem}
.step b{color:var(--ink);font-weight:600;margin-right:.4rem}.step small{display:block;color:var(--muted)}
.arrow{align-self:center;color:var(--muted)}
.chip{display:inline-block;background:var(--page);border:1px solid var(--line);border-radius:6px;padding:0 .4rem;margin:.1rem .2rem .1rem 0}
</style>
<header>
 <h1>MediaHub</h1>
 <form id="sign-in"><label>user <input id="user" size="10" autocomplete="off" spellcheck="false"></label><button>sign in</button></form>
 <form id="upload"><input id="file" type="file" accept="image/png,image/jpeg"><button>upload</button></form>
 <label>filter <input id="filter" size="18" placeholder="an id, a type, a state"></label>
 <span id="status" role="status">not signed in</span>
</header>
<main>
 <section class="wide"><div><h2>Sagas</h2><span class="muted" id="sagas-count"></span></div><div class="scroll"><table>
  <thead><tr><th>upload<th>state<th>steps<th>reason</thead><tbody id="sagas"></tbody></table></div></section>
 <section><div><h2>Media</h2><span class="muted" id="media-count"></span></div><div class="scroll"><table>
  <thead><tr><th><th>file<th>status<th class="number">bytes<th class="number">version<th>id</thead><tbody id="media"></tbody></table></div></section>
 <section><div><h2>Albums</h2><span class="muted" id="albums-count"></span></div><div class="scroll"><table>
  <thead><tr><th>album<th><th class="number">version<th>media</thead><tbody id="albums"></tbody></table></div></section>
 <section class="wide"><div><h2>Notifications</h2><span class="muted" id="notifications-count"></span></div><div class="scroll"><table>
  <thead><tr><th>text<th>state<th>medium<th></thead><tbody id="notifications"></tbody></table></div></section>
 <section class="wide"><div><h2>Events</h2><span class="muted" id="events-count"></span></div><div class="scroll"><table>
  <thead><tr><th class="number">position<th>time<th>event<th>of<th class="number">version<th>data</thead><tbody id="events"></tbody></table></div></section>
</main>
)html";

/// Text is only ever set as text. What ended, and events, do not change: they are asked for once.
constexpr std::string_view kScript = R"js(<script nonce="@NONCE@">
"use strict";
const gateway = document.querySelector("meta[name=gateway]").content;
const $ = id => document.getElementById(id);
const kEvery_ms = 2000, kEvents = 500, kSagas = 30;
const tones = {processed: "good", completed: "good", done: "good", read: "quiet", uploaded: "busy", running: "busy", awaiting: "busy",
  compensating: "bad", compensated: "bad", refused: "bad", timed_out: "bad", failed: "bad", escalated: "bad", pending: "quiet", unread: "busy"};
let token = "", running = null, events = [], position = 0;
let thumbnails = new Map(), ended = new Map();
const names = new Map();  // of media, by their ids, as the events tell them

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter(child => child !== null));
  return element;
}
const cell = (...children) => make("td", {}, ...children);
const number = value => make("td", {class: "number"}, value.toLocaleString("en"));
const badge = state => make("span", {class: "badge " + (tones[state] || "quiet"), "data-state": state}, state.replace("_", " "));
const id = text => make("code", {title: text}, text.slice(0, 8));
const medium = text => names.has(text) ? make("span", {title: text}, names.get(text)) : id(text);

async function ask(path, options = {}) {
  const headers = {...options.headers};
  if (token) headers.Authorization = "Bearer " + token;
  const answer = await fetch(gateway + path, {...options, headers});
  if (!answer.ok) throw new Error(`${options.method || "GET"} ${path.split("?")[0]}: ${answer.status}`);
  return answer;
}
const json = async (path, options) => (await ask(path, options)).json();

/// Every part is asked for by itself: one service that is away leaves the others' tables as they are.
function show(name, rows, none) {
  $(name + "-count").textContent = rows.length || "";
  $(name).replaceChildren(...(rows.length ? rows : [make("tr", {}, make("td", {class: "empty", colspan: 9}, none))]));
}

async function thumbnail(one) {
  if (!one.has_thumbnail) return make("span", {class: "none"});
  if (!thumbnails.has(one.id)) {
    const picture = await ask(`/media/${one.id}/thumbnail`).then(answer => answer.blob()).catch(() => null);
    if (!picture) return make("span", {class: "none"});
    thumbnails.set(one.id, URL.createObjectURL(picture));
  }
  return make("img", {src: thumbnails.get(one.id), alt: "thumbnail of " + one.filename});
}

async function media() {
  const list = (await json("/media?limit=100")).media;
  const pictures = await Promise.all(list.map(thumbnail));
  show("media", list.map((one, i) => make("tr", {"data-id": one.id}, cell(pictures[i]),
    cell(one.filename, make("div", {class: "muted"}, one.content_type)), cell(badge(one.status)), number(one.size), number(one.version),
    cell(id(one.id)))), "nothing uploaded");
}

async function albums() {
  const list = (await json("/albums")).albums;
  const contents = await Promise.all(list.map(one => json(`/albums/${one.id}/media`)));
  show("albums", list.map((one, i) => make("tr", {"data-id": one.id}, cell(one.name, make("div", {}, id(one.id))),
    cell(one.default ? badge("default") : ""), number(one.version),
    cell(...contents[i].media.map(each => make("span", {class: "chip"}, medium(each)))))), "no album");
}

function step(one) {
  const tries = one.attempts + (one.attempts === 1 ? " attempt" : " attempts");
  const undone = one.undo_attempts ? `, undone in ${one.undo_attempts}` : "";
  return make("div", {class: "step " + (tones[one.state] || "quiet"), "data-step": one.name, "data-state": one.state, title: one.error || ""},
    make("b", {}, one.name), one.state.replace("_", " "), make("small", {}, one.attempts ? tries + undone : "not begun"));
}

async function sagas() {
  const list = (await json("/sagas")).sagas;
  const shown = list.slice(0, kSagas);
  const whole = await Promise.all(shown.map(async one => ended.get(one.id) || json("/sagas/" + one.id)));
  for (const one of whole) if (one.state === "completed" || one.state === "compensated") ended.set(one.id, one);
  show("sagas", whole.map(one => {
    const steps = one.steps.flatMap((each, i) => i ? [make("span", {class: "arrow"}, "→"), step(each)] : [step(each)]);
    return make("tr", {"data-id": one.id, "data-state": one.state}, cell(medium(one.about), make("div", {class: "muted"}, id(one.id))),
      cell(badge(one.state), one.escalated ? badge("escalated") : null), cell(make("div", {class: "steps"}, ...steps)), cell(one.reason || ""));
  }), "no saga");
  $("sagas-count").textContent = list.length > kSagas ? `${kSagas} of the last ${list.length}` : list.length || "";
}

async function notifications() {
  const list = (await json("/notifications")).notifications;
  show("notifications", list.map(one => {
    const mark = make("button", {}, "mark as read");
    mark.onclick = () => json(`/notifications/${one.id}/read`, {method: "PUT"}).then(refresh, complain);
    return make("tr", {"data-id": one.id}, cell(one.text), cell(badge(one.read ? "read" : "unread")), cell(medium(one.media_id)),
      cell(one.read ? "" : mark));
  }), "no notification");
}

async function follow() {
  for (let more = true; more;) {
    const page = await json("/events?after=" + position);
    if (page.events.length) position = page.events[page.events.length - 1].position;
    events = events.concat(page.events).slice(-kEvents);
    for (const one of page.events) if (one.event_type === "MediaUploaded") names.set(one.aggregate_id, one.data.filename);
    more = page.next !== null;
  }
  const tone = type => /Failed|Compensated/.test(type) ? "bad" : /Deleted|Removed/.test(type) ? "quiet" : "good";
  show("events", events.slice().reverse().map(one => make("tr", {"data-id": one.id}, number(one.position),
    make("td", {class: "time", title: one.created_at}, one.created_at.slice(11, 19)),
    cell(make("span", {class: "badge " + tone(one.event_type), "data-event": one.event_type}, one.event_type)),
    cell(one.aggregate_type + " ", id(one.aggregate_id)), number(one.version),
    make("td", {class: "data"}, make("code", {}, JSON.stringify(one.data))))), "no event");
}

function sift() {
  const wanted = $("filter").value.trim().toLowerCase();
  for (const row of document.querySelectorAll("tbody tr")) {
    const titles = [...row.querySelectorAll("[title]")].map(element => element.title).join(" ");
    row.hidden = wanted !== "" && !(row.textContent + " " + titles).toLowerCase().includes(wanted);
  }
}

function complain(error) {
  $("status").textContent = error.message;
  $("status").className = "bad";
}

/// One round at a time: two would read the same page of the feed.
function refresh() {
  running ??= round().finally(() => { running = null; });
  return running;
}

async function round() {
  if (!token) return;
  const feed = await Promise.allSettled([follow()]);  // first: they name the media
  const parts = feed.concat(await Promise.allSettled([media(), albums(), sagas(), notifications()]));
  sift();
  const failed = parts.filter(part => part.status === "rejected").map(part => part.reason.message);
  $("status").className = failed.length ? "bad" : "";
  $("status").textContent = failed.length ? failed.join(", ") : "up to date, " + new Date().toLocaleTimeString("en-GB");
}

async function sign_in(user) {
  await running;
  token = "";
  token = (await json("/auth/dev-token", {method: "POST", body: JSON.stringify({user})})).token;
  for (const url of thumbnails.values()) URL.revokeObjectURL(url);
  thumbnails = new Map();
  await refresh();
}

$("sign-in").onsubmit = submitted => {
  submitted.preventDefault();
  history.replaceState(null, "", "?user=" + encodeURIComponent($("user").value));
  sign_in($("user").value).catch(complain);
};
$("upload").onsubmit = async submitted => {
  submitted.preventDefault();
  const file = $("file").files[0];
  if (!file) return complain(new Error("no file is chosen"));
  const headers = {"Content-Type": file.type, "Idempotency-Key": crypto.getRandomValues(new Uint32Array(4)).join("-")};
  await ask("/media?filename=" + encodeURIComponent(file.name), {method: "POST", body: file, headers}).then(refresh, complain);
};
$("filter").oninput = sift;
const user = new URLSearchParams(location.search).get("user");
if (user) {
  $("user").value = user;
  sign_in(user).catch(complain);
}
// The next round begins when the last one has ended, however long that takes.
(async () => {
  for (;;) {
    await new Promise(resolve => setTimeout(resolve, kEvery_ms));
    await refresh();
  }
})();
</script>
</html>
)js";

}  // namespace

std::string frontend_page() {
  std::string page(kBody);
  page += kScript;
  return page;
}

}  // namespace orrery::services
