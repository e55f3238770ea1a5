// One key for each thing to do, shown beside it; none of them while somebody types. Which lines are shown, and from where.
"use strict";

const KEYS_OFF = "keys-off";
const WHOSE = "whose";
const WRITTEN_IN = "input:not([type=radio], [type=checkbox], [type=button], [type=submit]), textarea, select, [contenteditable]";

function isShown(element) {
  return element.checkVisibility ? element.checkVisibility() : element.offsetParent !== null;
}

function open(details) {
  for (let one = details; one; one = one.parentElement?.closest("details")) one.open = true;
  const own = details.querySelector("summary");
  const fields = details.querySelectorAll("textarea, select, input:not([type=hidden]), summary");
  ([...fields].find((one) => one !== own && isShown(one)) || own).focus();
  details.scrollIntoView({ block: "nearest" });
}

function go(place) {
  if (!place) return;
  place.focus({ preventScroll: true });
  place.scrollIntoView({ block: place.id === "newest" ? "end" : "start" });
}

function nextWhose() {
  const all = [...document.querySelectorAll(`input[name=${WHOSE}]`)];
  const chosen = all[(all.findIndex((one) => one.checked) + 1) % all.length];
  chosen.click();
}

function remembered(name) {
  try { return localStorage.getItem(name); } catch { return null; }
}

function act(key) {
  if (key === "b" || key === "u") { go(document.getElementById(key === "b" ? "playbook" : "updates")); return true; }
  if (key === "f") { nextWhose(); return true; }
  const target = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find(isShown);
  if (!target) return false;
  if (target.matches("summary")) open(target.parentElement);
  else if (target.matches("[data-shows]")) target.click();
  else if (target.matches("a")) target.click();
  // What says something of the service is pressed by Enter: no stray key ends an incident.
  else { target.focus(); target.scrollIntoView({ block: "nearest" }); }
  return true;
}

function fold(target) {
  const inner = target.closest("details[open]") || document.querySelector(".actions details[open]");
  if (!inner) return false;
  inner.open = false;
  inner.querySelector("summary").focus();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") { if (fold(event.target)) event.preventDefault(); return; }
  if (event.target.closest(WRITTEN_IN)) return;
  const isOff = remembered(KEYS_OFF) === "yes";
  if (isOff && event.key !== "?") return;
  if (event.key.length === 1 && act(event.key.toLowerCase())) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const shows = event.target.closest("[data-shows]");
  if (shows) document.getElementById(shows.dataset.shows).showModal();
  const opens = event.target.closest("[data-opens]");
  if (opens) { event.preventDefault(); open(document.getElementById(opens.dataset.opens)); }
  const jump = event.target.closest("a[data-key][href^='#']");
  if (jump) { event.preventDefault(); go(document.querySelector(jump.hash)); }
  const from = event.target.closest("[data-shows-from]");
  if (from) { event.preventDefault(); showFrom(from.dataset); }
});

// Asks for the same parts with other lines; from then on they come with every change.
function showFrom({ showsFrom, follows }) {
  const page = new URL(root.dataset.page, window.location.href);
  page.searchParams.set("from", showsFrom);
  page.searchParams.delete("follow");
  if (follows !== undefined) page.searchParams.set("follow", "1");
  root.dataset.page = page.pathname + page.search;
  // The link is about to go: whoever pressed it goes on from the timeline.
  document.getElementById("timeline").focus({ preventScroll: true });
  refresh(false);
}

for (const one of document.querySelectorAll(`input[name=${WHOSE}]`)) {
  if (sessionStorage.getItem(WHOSE) === one.value) one.checked = true;
  one.addEventListener("change", () => sessionStorage.setItem(WHOSE, one.value));
}

const keysOn = document.getElementById("keys-on");
if (keysOn) {
  keysOn.checked = remembered(KEYS_OFF) !== "yes";
  keysOn.addEventListener("change", () => localStorage.setItem(KEYS_OFF, keysOn.checked ? "no" : "yes"));
}

document.getElementById("refused")?.focus();
