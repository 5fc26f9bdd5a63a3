// One stream of sections from the gateway; each is drawn anew when it comes.
import { ScorePlot, make, number, quality, size, span, spark, when } from "./draw.js";

const $ = (id) => document.getElementById(id);
const plots = new Map();
let skew = 0; // of this browser's clock against the gateway's, ns
let tags = [];

const draw = {
  gateway({ site, name, now, processes }) {
    skew = now - Date.now() * 1e6;
    document.title = `${name} – ${site}`;
    $("name").textContent = `${site} / ${name}`;
    $("processes").replaceChildren(...Object.entries(processes).map(([role, { alive }]) =>
      make("li", { class: alive ? "good" : "bad" }, `${alive ? "●" : "▲"} ${role}${alive ? "" : " is not running"}`)));
    ages();
  },

  tags(found) {
    tags = found;
    drawTags();
  },

  scores(found) {
    $("no-scores").hidden = Object.keys(found).length > 0;
    for (const [asset, told] of Object.entries(found)) {
      if (!plots.has(asset)) plots.set(asset, new ScorePlot($("scores"), asset));
      plots.get(asset).show(told);
    }
  },

  alarms(found) {
    const shown = found.filter((alarm) => alarm.state !== "NORM");
    $("no-alarms").hidden = shown.length > 0;
    $("alarms").replaceChildren(...shown.map(alarmItem));
  },

  events(found) {
    $("no-events").hidden = found.length > 0;
    $("events").replaceChildren(...found.slice(-20).reverse().map((event) => make("li", {},
      make("span", { class: "state" }, `${event.kind}: ${event.reason}`), ` ${event.asset} `,
      make("span", { class: "detail" }, `${when(event.end)} ${event.detail}${event.count ? ` (${event.count})` : ""}`))));
  },

  links(found) {
    $("links").replaceChildren(...found.map((link) => make("tr", {}, make("td", {}, link.name),
      ...[link.samples, link.errors, link.reconnects].map((count) => make("td", { class: "number" }, String(count))))));
  },

  outbox({ waiting, bytes, oldest, targets }) {
    $("targets").replaceChildren(...Object.entries(targets).map(([name, { up, trouble }]) =>
      make("li", { class: up ? "good" : "doubt" }, up ? `● ${name}: delivering` : `◐ ${name}: down (${trouble}), records are kept`)));
    const count = Object.values(waiting).reduce((sum, one) => sum + one, 0);
    $("waiting").textContent = count === 0 ? "Nothing waits." :
      `${count} records wait (${Object.entries(waiting).map(([lane, one]) => `${one} ${lane}`).join(", ")}), ${size(bytes)}, the oldest from ${when(oldest)}.`;
  },
};

function drawTags() {
  const wanted = $("filter").value.trim().toLowerCase();
  const shown = tags.filter((tag) => `${tag.asset} ${tag.tag}`.toLowerCase().includes(wanted));
  $("tags").replaceChildren(...shown.map((tag) => make("tr", { "data-tag": `${tag.asset}/${tag.tag}` },
    make("td", {}, tag.asset), make("td", {}, tag.tag), make("td", { class: "number value" }, number(tag.value)),
    make("td", {}, tag.unit), make("td", {}, quality(tag.quality, tag.status)),
    make("td", { class: "number age", "data-time": tag.time }), make("td", {}, spark(tag.curve)))));
  ages();
}

function ages() {
  const now = Date.now() * 1e6 + skew;
  for (const cell of document.querySelectorAll(".age")) cell.textContent = span(Math.max(0, now - cell.dataset.time) / 1e9);
}

function alarmItem(alarm) {
  const severe = alarm.state === "UNACK" ? "bad" : alarm.state === "ACKED" || alarm.state === "RTNUN" ? "doubt" : "calm";
  const buttons = [];
  if (alarm.state === "UNACK" || alarm.state === "RTNUN") buttons.push(["acknowledge", "Acknowledge"]);
  if (alarm.state === "SHLVD") buttons.push(["unshelve", "Unshelve"]);
  else if (["UNACK", "ACKED", "RTNUN"].includes(alarm.state)) buttons.push(["shelve", "Shelve"]);
  return make("li", { "data-alarm": `${alarm.asset}/${alarm.alarm}`, "data-state": alarm.state },
    make("span", { class: `state ${severe}` }, `${alarm.symbol} ${alarm.asset}: ${alarm.alarm}`),
    ` ${alarm.severity}, ${alarm.words}`, make("div", { class: "detail" }, alarm.detail),
    make("div", { class: "detail" }, `since ${when(alarm.since || alarm.at)}${alarm.by ? `, ${alarm.change} by ${alarm.by}` : ""}`),
    ...buttons.map(([action, words]) => {
      const button = make("button", { type: "button" }, words);
      button.addEventListener("click", () => ask(action, words, alarm));
      return button;
    }));
}

let asked = null;
function ask(action, words, alarm) {
  asked = { action, alarm };
  $("ask-title").textContent = words;
  $("ask-what").textContent = `${alarm.alarm} of ${alarm.asset}`;
  $("ask-for").hidden = action !== "shelve";
  $("ask-error").textContent = "";
  $("ask-by").value = sessionStorage.getItem("by") ?? "";
  $("ask-token").value = sessionStorage.getItem("token") ?? "";
  $("ask").showModal();
}

$("ask-cancel").addEventListener("click", () => $("ask").close());
$("ask").querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { action, alarm } = asked, by = $("ask-by").value.trim(), token = $("ask-token").value.trim();
  const body = { action, asset: alarm.asset, alarm: alarm.alarm, by, comment: $("ask-comment").value };
  if (action === "acknowledge") body.alert = alarm.id;
  if (action === "shelve") body.shelve_s = Number($("ask-seconds").value);
  try {
    const answer = await fetch("api/alarms", { method: "POST", headers: { Authorization: `Bearer ${token}` }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error((await answer.json()).error ?? `the gateway says ${answer.status}`);
    sessionStorage.setItem("by", by);
    sessionStorage.setItem("token", token);
    $("ask-comment").value = "";
    $("ask").close();
  } catch (error) {
    $("ask-error").textContent = error.message;
  }
});
$("filter").addEventListener("input", drawTags);

const stream = new EventSource("api/stream");
stream.addEventListener("open", () => { $("link").textContent = "● live"; $("link").className = "good"; });
stream.addEventListener("error", () => { $("link").textContent = "▲ the gateway does not answer; what is shown may be old"; $("link").className = "bad"; });
for (const [name, show] of Object.entries(draw)) stream.addEventListener(name, (event) => show(JSON.parse(event.data)));
setInterval(ages, 1000);
