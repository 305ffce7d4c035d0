import { base64, verify } from "./proof.js";
const one = (selector, within = document) => within.querySelector(selector);

async function prove(box) {
  const text = one("#receipt").content.textContent, words = one("#proof-words").content, verdict = one(".verdict", box);
  const bytes = Uint8Array.from(atob(box.dataset.leaf), (each) => each.charCodeAt(0)), change = one("[data-change]", box);
  const keys = JSON.parse(box.dataset.keys), rungs = [...box.querySelectorAll(".rung")].reverse();
  const show = async (isChanged) => {
    const leaf = bytes.slice();
    if (isChanged) leaf[leaf.length - 1] ^= 1;
    const began = performance.now(), got = await verify(text, keys, leaf, box.dataset.index, box.dataset.size);
    const took = performance.now() - began, tone = { proven: "good", refused: "bad", unchecked: "warn" }[got.state];
    verdict.className = `verdict ${tone}`;
    const reason = got.reason && one(`[data-reason=${got.reason}]`, words)?.textContent;
    one(".word", verdict).textContent = one(`[data-state=${got.state}]`, words).textContent + (reason ? `: ${reason}` : "");
    one(".ms", verdict).textContent = `${took.toFixed(1)} ms`;
    for (const each of box.querySelectorAll("[data-check]")) each.className = got.state === "unchecked" ? "" : got[each.dataset.check] ? "good" : "bad";
    rungs.forEach((rung, at) => {
      one(".got", rung).textContent = got.hashes[at] ? base64(got.hashes[at]).slice(0, 10) : "";
      rung.classList.toggle("good", got.path);
      rung.classList.toggle("bad", got.state === "refused" && !got.path);
    });
    one(".root", box).className = `root ${got.state === "unchecked" ? "" : tone}`;
    box.dataset.state = got.state;
    box.dataset.reason = got.reason;
    box.dataset.took = took.toFixed(2);
  };
  change.hidden = false;
  change.addEventListener("click", () => {
    const isChanged = change.getAttribute("aria-pressed") !== "true";
    change.setAttribute("aria-pressed", isChanged);
    show(isChanged);
  });
  await show(false);
}

for (const box of document.querySelectorAll(".proof")) prove(box);
const zone = one("[name=zone]");
if (zone) zone.placeholder = Intl.DateTimeFormat().resolvedOptions().timeZone;
for (const each of document.querySelectorAll("[data-print]")) {
  each.hidden = false;
  each.addEventListener("click", () => print());
}
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) return;
  const field = one("#q");
  event.preventDefault();
  if (field) field.focus();
  else if (one('nav a[href="/find"]')) location.href = "/find";
});

for (const figure of document.querySelectorAll("[data-points]")) {
  const points = figure.dataset.points.split(" ").map((each) => each.split(":")), out = one("output", figure);
  const lang = document.documentElement.lang, unit = 10 ** figure.dataset.decimals;
  const amount = new Intl.NumberFormat(lang, { minimumFractionDigits: Number(figure.dataset.decimals) });
  const time = new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "medium", timeZone: "UTC" });
  for (const chart of figure.querySelectorAll(".chart")) {
    const cursor = one(".cursor", chart), { left, right, start, end } = chart.dataset, wide = chart.viewBox.baseVal.width;
    chart.addEventListener("pointermove", (event) => {
      const box = chart.getBoundingClientRect(), x = (event.clientX - box.left) / box.width * wide;
      const at = (Number(start) + (x - left) / (wide - left - right) * (end - start)) / 1e9;
      const [, minor] = points.findLast((each) => Number(each[0]) <= at) || points[0];
      cursor.setAttribute("transform", `translate(${Math.min(Math.max(x, left), wide - right)} 0)`);
      chart.classList.add("read");
      out.textContent = `${time.format(at * 1e3)} UTC · ${amount.format(minor / unit)}`;
    });
    chart.addEventListener("pointerleave", () => {
      chart.classList.remove("read");
      out.textContent = "";
    });
  }
}
