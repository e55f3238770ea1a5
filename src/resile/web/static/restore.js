// The slider answers while it moves, and in big pictures the incident under the pointer can be opened.
"use strict";

const WAIT_MS = 120;
const REACH_PX = 12;

function whatIf() {
  const form = document.querySelector("form[data-what-if]");
  if (!form) return;
  const slider = form.elements.minutes;
  const phase = form.elements.phase;
  const answer = document.getElementById("what-if-answer");
  const shown = document.getElementById("minutes-shown");
  let timer = 0;
  let asked = 0;
  const ask = async () => {
    const number = ++asked;
    const address = new URL(form.dataset.whatIf, location.href);
    address.searchParams.set("phase", phase.value);
    address.searchParams.set("minutes", slider.value);
    const reply = await fetch(address);
    if (!reply.ok || number !== asked) return;
    const strong = document.createElement("b");
    strong.textContent = (await reply.text()).trim();
    answer.replaceChildren(strong);
  };
  const soon = () => {
    shown.textContent = slider.value;
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT_MS);
  };
  slider.addEventListener("input", soon);
  phase.addEventListener("change", soon);
  form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  if (!answer.textContent.trim()) ask();
}

function bigPicture() {
  const picture = document.querySelector("svg[data-dots]");
  if (!picture) return;
  const plot = picture.closest(".plot");
  const tip = document.createElement("div");
  tip.className = "tooltip";
  tip.hidden = true;
  document.body.append(tip);
  let dots = null;
  let nearest = null;
  const load = async () => {
    if (dots) return;
    dots = [];
    const reply = await fetch(picture.dataset.dots);
    if (!reply.ok) return;
    dots = (await reply.json()).dots;
  };
  // The picture's own box is the plot: its sides are the first and last instant, the shortest and longest duration.
  const [from, to, lowS, highS] = ["from", "to", "lowS", "highS"].map((name) => Number(picture.dataset[name]));
  const place = (dot, box) => {
    const inside = Math.min(Math.max(dot[1], lowS), highS);
    return [((dot[0] - from) / (to - from)) * box.width, (1 - Math.log(inside / lowS) / Math.log(highS / lowS)) * box.height];
  };
  const seek = (event) => {
    if (!dots) return;
    const box = picture.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    let best = REACH_PX * REACH_PX;
    nearest = null;
    for (const dot of dots) {
      const [px, py] = place(dot, box);
      const far = (px - x) ** 2 + (py - y) ** 2;
      if (far < best) { best = far; nearest = dot; }
    }
    plot.classList.toggle("pointed", nearest !== null);
    tip.hidden = nearest === null;
    if (!nearest) return;
    tip.textContent = `${nearest[2]} · ${nearest[4]}\n${nearest[3]}`;
    const onLeft = event.clientX > innerWidth - 340;
    tip.style.setProperty("left", onLeft ? "auto" : `${event.clientX + 14}px`);
    tip.style.setProperty("right", onLeft ? `${innerWidth - event.clientX + 14}px` : "auto");
    tip.style.setProperty("top", `${event.clientY + 14}px`);
  };
  picture.addEventListener("pointerenter", load);
  picture.addEventListener("pointermove", seek);
  picture.addEventListener("pointerleave", () => { tip.hidden = true; });
  picture.addEventListener("click", (event) => {
    if (!nearest) return;
    event.preventDefault();
    location.assign(`/incidents/${nearest[2].split("/").map(encodeURIComponent).join("/")}`);
  });
}

whatIf();
bigPicture();
