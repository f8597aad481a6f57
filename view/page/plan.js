"use strict";
(() => {
  const $ = id => document.getElementById(id), all = (query, from) => [...(from || document).querySelectorAll(query)];
  const select = $("plan-host"), state = $("plan-state"), steps = all(".step"), filtered = all("[data-hosts]").filter(e => !e.closest("svg"));
  const sets = new Map();

  // has tells if a set of hosts, "0-3,7", has one; "" is all of them.
  const has = (text, host) => {
    if (!text) return true;
    let set = sets.get(text);
    if (!set) sets.set(text, set = text.split(",").map(part => part.split("-").map(Number)));
    return set.some(([first, last]) => host >= first && host <= (last === undefined ? first : last));
  };

  let host = "", marks = new Set();
  const apply = () => {
    const number = Number(host);
    for (const e of filtered) {
      let shown = host === "" || has(e.dataset.hosts, number);
      if (shown && marks.size && e.dataset.marks !== undefined) shown = e.dataset.marks.split(" ").some(m => marks.has(m));
      e.classList.toggle("off", !shown);
    }
    select.value = host;
    for (const b of all("[data-mark]")) b.setAttribute("aria-pressed", String(marks.has(b.dataset.mark)));
    const shown = steps.filter(e => !e.classList.contains("off")).length, only = [];
    if (host !== "") only.push("host " + select.selectedOptions[0].text);
    if (marks.size) only.push(all("[data-mark]").filter(b => marks.has(b.dataset.mark)).map(b => b.textContent).join(" or "));
    state.textContent = only.length ? `Only ${only.join(", ")}: ${shown} of ${steps.length} steps are shown.` : "";
    for (const e of steps) speak(e);
    light(host === "" ? "" : select.selectedOptions[0].text);
  };
  // speak puts into a step the names of the host that was chosen, where it
  // is shown for another one that changes alike.
  const names = index => select.options[Number(index) + 1].dataset.names.split(" ").map(decodeURIComponent);
  const speak = (step, anew) => {
    const shown = step.dataset.shown;
    if (shown === undefined) return;
    const wanted = host !== "" && has(step.dataset.hosts, Number(host)) ? host : shown;
    if (!anew && (step.dataset.spoken || shown) === wanted) return;
    step.dataset.spoken = wanted;
    const own = names(wanted);
    for (const e of all("[data-own]", step)) e.textContent = own[e.dataset.own];
    for (const e of all("[data-hash]", step)) {
      if (!e.dataset.hash) e.dataset.hash = e.textContent;
      e.textContent = wanted === shown ? e.dataset.hash : "…";
    }
  };
  // light leaves of the picture what is about a host.
  const light = name => {
    for (const e of all(".lane[data-host], .band")) e.classList.toggle("dim", name !== "" && e.dataset.host !== name);
    for (const e of all(".lane [data-hosts]")) e.classList.toggle("dim", name !== "" && !e.dataset.hosts.split(" ").includes(name));
    const lane = name && all(".lane[data-host]").find(e => e.dataset.host === name);
    if (lane) { const box = lane.closest(".graph"); box.scrollTop += lane.getBoundingClientRect().y - box.getBoundingClientRect().y - 40; }
  };
  // remember puts the filter into the address, so that it can be passed on.
  const remember = () => {
    const parts = [];
    if (host !== "") parts.push("host=" + encodeURIComponent(select.options[Number(host) + 1].text));
    if (marks.size) parts.push("mark=" + [...marks].join(","));
    history.replaceState(null, "", "#" + parts.join("&"));
  };
  const filter = (h, m) => { host = h; marks = m; apply(); remember(); };

  select.addEventListener("change", () => filter(select.value, marks));
  for (const b of all("[data-mark]")) b.addEventListener("click", () => {
    const next = new Set(marks);
    if (!next.delete(b.dataset.mark)) next.add(b.dataset.mark);
    filter(host, next);
  });
  for (const b of all("[data-show-mark]")) b.addEventListener("click", () => {
    filter(host, new Set([b.dataset.showMark]));
    const first = steps.find(e => !e.classList.contains("off"));
    if (first) { first.scrollIntoView({ block: "start" }); first.querySelector("summary").focus({ preventScroll: true }); }
  });

  // reveal shows what a link leads to, even if it is folded or filtered out.
  const reveal = e => {
    if (e.closest(".off")) { host = ""; marks = new Set(); apply(); }
    for (let d = e.closest("details"); d; d = d.parentElement.closest("details")) d.open = true;
    e.scrollIntoView({ block: "start" });
  };
  const follow = () => {
    const text = decodeURIComponent(location.hash.slice(1));
    const wanted = new URLSearchParams(location.hash.slice(1)), index = [...select.options].findIndex(o => o.value !== "" && o.text === wanted.get("host"));
    if (wanted.has("host") || wanted.has("mark")) {
      host = index > 0 ? select.options[index].value : "";
      marks = new Set((wanted.get("mark") || "").split(",").filter(m => all("[data-mark]").some(b => b.dataset.mark === m)));
      apply();
    } else if (text && $(text)) reveal($(text));
  };
  addEventListener("hashchange", follow);

  const foldAll = open => { for (const d of all("details", $("changes"))) if (!d.closest(".off")) d.open = open; };
  $("plan-unfold").addEventListener("click", () => foldAll(true));
  $("plan-fold").addEventListener("click", () => foldAll(false));

  // Lines that stand elsewhere already are fetched from there once they are
  // to be seen.
  for (const p of all("[data-same]")) p.closest("details").addEventListener("toggle", event => {
    if (!event.target.open || !p.isConnected) return;
    const step = p.closest(".step"), copy = $(p.dataset.same).cloneNode(true);
    copy.removeAttribute("id");
    p.replaceWith(copy);
    speak(step, true);
  });

  // On paper everything is unfolded.
  let folded = [];
  addEventListener("beforeprint", () => { folded = all("details:not([open])").filter(d => !d.closest(".off")); for (const d of folded) d.open = true; });
  addEventListener("afterprint", () => { for (const d of folded) d.open = false; });

  const graph = $("plan-graph"), svg = graph && graph.querySelector("svg");
  if (svg) {
    const natural = svg.viewBox.baseVal.width;
    let scale = 1;
    const zoom = (next, x, y) => {
      const box = graph.getBoundingClientRect(), cx = x === undefined ? box.width / 2 : x, cy = y === undefined ? box.height / 2 : y;
      const was = scale;
      scale = Math.max(.05, Math.min(4, next));
      svg.style.width = natural * scale + "px";
      svg.style.maxWidth = "none";
      graph.scrollLeft = (graph.scrollLeft + cx) * scale / was - cx;
      graph.scrollTop = (graph.scrollTop + cy) * scale / was - cy;
      $("plan-zoom").textContent = Math.round(scale * 100) + " %";
    };
    const fit = () => zoom(Math.min(1, (graph.clientWidth - 2) / natural));
    $("plan-larger").addEventListener("click", () => zoom(scale * 1.3));
    $("plan-smaller").addEventListener("click", () => zoom(scale / 1.3));
    $("plan-fit").addEventListener("click", fit);
    graph.addEventListener("keydown", event => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target !== graph) return;
      const act = { "+": () => zoom(scale * 1.3), "=": () => zoom(scale * 1.3), "-": () => zoom(scale / 1.3), "0": fit }[event.key];
      if (act) { event.preventDefault(); act(); }
    });
    graph.addEventListener("wheel", event => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      const box = graph.getBoundingClientRect();
      zoom(scale * (event.deltaY < 0 ? 1.15 : 1 / 1.15), event.clientX - box.x, event.clientY - box.y);
    }, { passive: false });
    // A node leads to its step.
    graph.addEventListener("click", event => {
      const node = event.target.closest("[data-addr]");
      if (!node) return;
      const [module, ...rest] = node.dataset.addr.split("."), name = rest.join(".");
      const index = [...select.options].findIndex(o => o.value !== "" && o.text === name) - 1;
      const step = steps.find(e => e.dataset.module === module && (index < 0 || has(e.dataset.hosts, index)));
      if (step) { step.open = true; reveal(step); step.querySelector("summary").focus({ preventScroll: true }); }
    });
    zoom(Math.min(1, Math.max(.6, (graph.clientWidth - 2) / natural))); // smaller nobody reads
  }

  for (const e of all("[hidden]")) e.hidden = false;
  follow();
  document.documentElement.dataset.plan = "ready";
})();
