// Lets what was promised count down between two answers of the server, and tells of it when it weighs something.
"use strict";

const TICK_MS = 500;
const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
const SOON_S = 300;
// What a screen reader is told, once each: a timer that spoke every second would say nothing else.
const TOLD = [[0, "is overdue"], [60, "is due in a minute"], [SOON_S, "is due in five minutes"]];
// An answer is a little old when it comes, never too new; another clock is what lies further off.
const OTHER_CLOCK_MS = 5000;

const told = document.getElementById("count-said");
const promises = new Map();

// When it is due by this machine's clock, from what the server said is left: both clocks need not agree.
function dueAt(timer) {
  const { of, left } = timer.dataset;
  const known = promises.get(of);
  if (known && known.left === left) return known;
  const due = Date.now() + Number(left) * 1000;
  const isNear = known && Math.abs(known.due - due) < OTHER_CLOCK_MS;
  const found = { left, due: isNear ? Math.min(known.due, due) : due, step: known ? known.step : stepOf(Number(left)) };
  promises.set(of, found);
  return found;
}

// How many of the marks that are told lie behind.
function stepOf(leftS) {
  return TOLD.filter(([mark]) => leftS <= mark).length;
}

function lengthOf(seconds) {
  const parts = [];
  let left = Math.round(Math.abs(seconds));
  if (!left) return "0 s";
  for (const [size, unit] of UNITS) {
    const amount = Math.floor(left / size);
    left -= amount * size;
    if (amount) parts.push(`${amount} ${unit}`);
    if (parts.length && (!amount || parts.length === 2)) break;
  }
  return parts.join(" ");
}

function tick() {
  for (const timer of document.querySelectorAll("[data-left]")) {
    const known = dueAt(timer);
    const leftS = (known.due - Date.now()) / 1000;
    const words = (leftS > 0 ? `in ${lengthOf(leftS)}` : `overdue by ${lengthOf(leftS)}`).replaceAll(" ", "\u00a0");
    if (timer.textContent !== words) timer.textContent = words;
    timer.classList.toggle("bad", leftS <= 0);
    timer.classList.toggle("warn", leftS > 0 && leftS <= SOON_S);
    const step = stepOf(leftS);
    if (step > known.step && told) told.textContent = `The promised update for ${timer.dataset.of.split(" ")[0]} ${TOLD[TOLD.length - step][1]}.`;
    known.step = step;
  }
}

tick();
window.setInterval(tick, TICK_MS);
document.addEventListener("visibilitychange", tick);
