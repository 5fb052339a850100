// What a hand can do to the page: swipe pictures, choose what they are compared with, read curves.
"use strict";

document.documentElement.classList.add("js");

for (const layers of document.querySelectorAll(".layers")) {
  const range = layers.querySelector("input");
  const place = () => layers.style.setProperty("--at", `${(100 * range.value) / range.max}%`);
  range.addEventListener("input", place);
  // A hand goes where it points: a range alone would keep half a thumb's width from its ends.
  const point = (event) => {
    const box = layers.getBoundingClientRect();
    range.value = range.max * Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    place();
  };
  range.addEventListener("pointerdown", point);
  range.addEventListener("pointermove", (event) => { if (event.buttons & 1) point(event); });
  place();
}

for (const compare of document.querySelectorAll(".compare")) {
  const choose = () => {
    const chosen = compare.querySelector(".bar input:checked");
    for (const image of compare.querySelectorAll("img.over"))
      image.toggleAttribute("data-shown", image.dataset.layer === chosen.value);
    for (const tag of compare.querySelectorAll(".tag.right")) tag.textContent = chosen.dataset.tag;
    for (const note of compare.querySelectorAll(".note[data-layer]")) note.hidden = note.dataset.layer !== chosen.value;
  };
  compare.addEventListener("change", choose);
  choose();
}

for (const chart of document.querySelectorAll(".chart")) {
  const svg = chart.querySelector("svg"), said = chart.querySelector("b"), last = said.textContent;
  const dot = svg.querySelector("circle"), hand = svg.querySelector(".hand");
  const points = [...svg.querySelector("polyline").points].map((p) => [p.x, p.y]);
  const words = svg.dataset.words.split("|");
  const end = [dot.getAttribute("cx"), dot.getAttribute("cy")];
  const show = (x, y, text, held) => {
    dot.setAttribute("cx", x);
    dot.setAttribute("cy", y);
    said.textContent = text;
    hand.setAttribute("x1", x);
    hand.setAttribute("x2", x);
    hand.setAttribute("visibility", held ? "visible" : "hidden");
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    let near = 0;
    points.forEach((p, k) => { if (Math.abs(p[0] - x) < Math.abs(points[near][0] - x)) near = k; });
    show(points[near][0], points[near][1], words[near], true);
  });
  svg.addEventListener("pointerleave", () => show(end[0], end[1], last, false));
}
