// Shows what changes without a reload: the server says that something happened, and renders the parts anew.
// Without this script every page works; it shows then what held when it was loaded.
"use strict";

const STREAM = "/api/v1/stream";
// Times such as "for 6 min" grow old without any event.
const REFRESH_MS = 15000;
// Events come in bursts: a page and its receipts are one change to the eye. Not all browsers ask at the same moment.
const GATHER_MS = 200;
const SPREAD_MS = 150;
const PATIENCE_MS = 4000;
// The server breaks its silence every 15 s: after this long nobody speaks at the other end, or a proxy keeps the words.
const SILENCE_MS = 40000;
const FIRST_WORD_MS = 10000;
// Longer than a finger needs from the decision to the touch.
const TOUCH_MS = 700;
const TYPED_IN = "input:not([type=hidden]), select, textarea";

const root = document.querySelector("[data-watch]");
const state = document.getElementById("live-state");
const said = document.getElementById("live-said");

let source = null;
let seen = root ? root.dataset.seq : "";
let gathering = 0;
let isAsking = false;
let isAskedAgain = false;
// Whether the stream speaks, null before one knows; and whether the last question was answered.
let isHeard = null;
let isAnswered = true;
let isOut = false;
let heardAt = 0;
let touchedAt = 0;
let waiting = null;

function connect() {
  if (source) return;
  // From the state that the page shows; what was told since comes at once.
  source = new EventSource(`${STREAM}?after=${seen}`);
  heardAt = Date.now();
  source.addEventListener("start", heard);
  source.addEventListener("beat", heard);
  source.addEventListener("timeline", (event) => {
    heard();
    seen = event.lastEventId;
    const watched = root.dataset.watch;
    if (watched && JSON.parse(event.data).incident_id !== watched) return;
    if (!gathering) gathering = window.setTimeout(() => { gathering = 0; refresh(true); }, GATHER_MS + Math.random() * SPREAD_MS);
  });
  const mine = source;
  // A stream that has ended in order comes again by itself in two seconds; only what lasts longer is told.
  source.addEventListener("error", () => window.setTimeout(() => {
    if (source !== mine || mine.readyState === EventSource.OPEN) return;
    unheard();
    if (mine.readyState === EventSource.CLOSED) disconnect();
  }, PATIENCE_MS));
}

function disconnect() {
  if (source) source.close();
  source = null;
}

function heard() {
  heardAt = Date.now();
  const wasUnheard = isHeard === false || !isAnswered;
  isHeard = true;
  tell();
  // What was told meanwhile comes with the stream; what changed without an event does not.
  if (wasUnheard) refresh(true);
}

function unheard() {
  if (document.hidden) return;
  const isNew = isHeard !== false;
  isHeard = false;
  if (isNew) refresh(false).then(tell);
}

// A machine that slept, and a proxy that keeps the words to itself, close no connection.
function listen() {
  if (document.hidden) return;
  connect();
  const silence = Date.now() - heardAt;
  if (isHeard === null && silence > FIRST_WORD_MS) unheard();
  if (silence > SILENCE_MS) { unheard(); disconnect(); connect(); }
}

function tell() {
  if (isOut) show("You are logged out. What you typed is still here: log in in another tab, then go on.", "lost");
  else if (!isAnswered) show("The connection is lost. What you see may be old.", "lost");
  else if (isHeard) show("live", "");
  else if (isHeard === false) show(`Not live: renewed every ${REFRESH_MS / 1000} s.`, "lost");
}

function answered(isSo) {
  isAnswered = isSo;
  tell();
}

// Without anything typed one goes and logs in; else that would be lost.
function out() {
  isOut = [...root.querySelectorAll(TYPED_IN)].some(isTyped);
  if (isOut) tell();
  else window.location.reload();
}

function show(words, kind) {
  if (!state) return;
  if (state.textContent !== words) state.textContent = words;
  state.className = `live-state ${kind}`;
}

async function refresh(isNews) {
  if (isAsking) { isAskedAgain = true; return; }
  isAsking = true;
  try {
    const answer = await fetch(root.dataset.page, { headers: { "accept": "text/html" }, cache: "no-store" });
    if (answer.redirected && new URL(answer.url).pathname === "/login") { out(); return; }
    if (!answer.ok) { answered(false); return; }
    waiting = new DOMParser().parseFromString(await answer.text(), "text/html");
    isOut = false;
    answered(true);
    renewTokens();
    put(isNews);
  } catch {
    answered(false);
  } finally {
    isAsking = false;
    if (isAskedAgain) { isAskedAgain = false; refresh(isNews); }
  }
}

// Forms that somebody fills in stay as they are; who logged in anew meanwhile may send them all the same.
function renewTokens() {
  const token = waiting.querySelector("input[name=csrf_token]")?.value;
  if (!token) return;
  for (const one of root.querySelectorAll("input[name=csrf_token]")) if (one.value !== token) one.value = token;
}

// Put what came into the page, but for what somebody is using; that follows once they let go.
function put(isNews) {
  if (!waiting) return;
  if (Date.now() - touchedAt < TOUCH_MS) { window.setTimeout(() => put(isNews), TOUCH_MS); return; }
  for (const old of root.querySelectorAll("[data-live]")) {
    if (old.parentElement.closest("[data-live]")) continue;
    const fresh = waiting.getElementById(old.id);
    if (fresh) blend(old, fresh);
  }
  const message = root.querySelector(".message");
  // Said once: the words without how long it lasts, which would be said anew with every event.
  const words = message ? message.dataset.said || message.textContent : "";
  if (isNews && said && words && said.textContent !== words) said.textContent = words;
}

// Whoever has an id stays itself, with what somebody has open or under their finger in it; the others are put anew.
function blend(old, fresh) {
  if (old.isEqualNode(fresh)) return old;
  if (isOfParts(old) && isOfParts(fresh) && ownWords(old) === ownWords(fresh)) {
    dress(old, fresh);
    blendParts(old, fresh, keyed(old));
    return old;
  }
  if (isHeld(old, fresh)) return old;
  const anew = document.importNode(fresh, true);
  for (const one of old.querySelectorAll("details[open][id]")) {
    const same = anew.querySelector(`details#${CSS.escape(one.id)}`);
    if (same) same.open = true;
  }
  if (old.matches("details[open]") && anew.matches("details")) anew.open = true;
  const hadFocus = old.contains(document.activeElement);
  old.replaceWith(anew);
  if (hadFocus) land(anew);
  return anew;
}

// The focus stays near where it was, though what had it is gone.
function land(element) {
  if (!element.hasAttribute("tabindex")) element.tabIndex = -1;
  element.focus({ preventScroll: true });
}

function isOfParts(element) {
  return [...element.children].some((one) => one.id);
}

function ownWords(element) {
  return [...element.childNodes].filter((one) => one.nodeType === Node.TEXT_NODE).map((one) => one.data.trim()).filter(Boolean).join(" ");
}

function dress(old, fresh) {
  // Without its tabindex, what was landed on would lose the focus.
  const kept = old === document.activeElement ? ["open", "tabindex"] : ["open"];
  for (const { name } of [...old.attributes]) if (!kept.includes(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
}

// What has no id is known by its kind and its place among those of its kind.
function keyed(element) {
  const counted = {};
  return new Map([...element.children].map((one) => {
    counted[one.tagName] = (counted[one.tagName] || 0) + (one.id ? 0 : 1);
    return [one.id ? `#${one.id}` : `${one.tagName} ${counted[one.tagName]}`, one];
  }));
}

function blendParts(old, fresh, parts) {
  let place = null;
  const wanted = keyed(fresh);
  for (const [key, part] of parts) {
    if (wanted.has(key) || isHeld(part)) continue;
    const hadFocus = part.contains(document.activeElement);
    part.remove();
    if (hadFocus) land(old);
  }
  for (const [key, part] of wanted) {
    let here = parts.get(key);
    if (!here) {
      here = document.importNode(part, true);
      old.insertBefore(here, place ? place.nextSibling : old.firstChild);
    } else {
      here = blend(here, part);
    }
    // Moving an element takes the focus from what is in it.
    const before = place ? place.nextElementSibling : old.firstElementChild;
    if (before !== here && !isHeld(here, part)) old.insertBefore(here, place ? place.nextSibling : old.firstChild);
    place = here;
  }
}

// Whether somebody is using it: they write in it, or are about to press what will be there still.
function isHeld(element, fresh = null) {
  const focused = document.activeElement;
  // A part that was jumped to, or landed on, has the focus itself, and nobody types in it.
  const isOnPart = focused === element && element.tabIndex < 0;
  if (focused && focused !== document.body && !isOnPart && element.contains(focused)) {
    if (focused.matches(TYPED_IN) || focused.closest("details[open] form, dialog[open]") || isOffered(fresh, focused)) return true;
  }
  if (element.querySelector("details[open] form")) return true;
  return [...element.querySelectorAll(TYPED_IN)].some(isTyped);
}

function isOffered(fresh, button) {
  if (!fresh) return false;
  const words = (one) => `${one.textContent.trim()} ${one.form?.getAttribute("action")} ${one.getAttribute("href")}`;
  return [fresh, ...fresh.querySelectorAll(button.tagName)].some((one) => one.tagName === button.tagName && words(one) === words(button));
}

function isTyped(field) {
  if (!field.form) return false;
  if (field.matches("select")) return field.selectedIndex !== Math.max(0, [...field.options].findIndex((one) => one.defaultSelected));
  if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
  return field.value !== field.defaultValue;
}

function begin() {
  connect();
  // A first visit: the server knows the reader's zone only from the next answer on.
  if (document.documentElement.dataset.zone !== Intl.DateTimeFormat().resolvedOptions().timeZone) refresh(false);
  window.setInterval(() => { if (!document.hidden) refresh(false); }, REFRESH_MS);
  window.setInterval(listen, PATIENCE_MS);
  for (const kind of ["pointerdown", "touchstart", "pointerup"]) {
    document.addEventListener(kind, () => { touchedAt = Date.now(); }, { passive: true });
  }
  document.addEventListener("keydown", (event) => {
    if (["Enter", " ", "Tab"].includes(event.key) && !event.target.matches(TYPED_IN)) touchedAt = Date.now();
  });
  document.addEventListener("focusout", () => window.setTimeout(() => put(false), 0));
  // A page that nobody looks at holds no connection; a browser has six to a host.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { disconnect(); return; }
    refresh(true);
    connect();
  });
  window.addEventListener("pagehide", disconnect);
  window.addEventListener("pageshow", (event) => { if (event.persisted) { refresh(true); connect(); } });
}

if (root && "EventSource" in window) begin();
