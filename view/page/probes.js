"use strict";
(() => {
  const data = JSON.parse(document.getElementById("probes-data").textContent);
  const n = data.hosts.length, svg = document.getElementById("matrix"), panel = document.getElementById("cell");
  const cursor = document.getElementById("cursor"), cross = document.getElementById("cross"), marked = document.getElementById("marked");
  const from = document.getElementById("from"), to = document.getElementById("to"), hover = document.getElementById("hover");
  const letter = v => String.fromCharCode(97 + v), OK = letter(data.verdicts.length - 1), SKIPPED = letter(data.verdicts.length - 2);
  let row = -1, column = -1, layer = 0;

  const element = (name, text, ...children) => {
    const e = document.createElement(name);
    if (text) e.textContent = text;
    e.append(...children);
    return e;
  };
  const sign = v => {
    const s = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    s.setAttribute("viewBox", "0 0 1 1"); s.setAttribute("width", "16"); s.setAttribute("height", "16"); s.setAttribute("aria-hidden", "true");
    for (const [kind, d] of [["area", "M0 0h1v1H0z"], ["sign", "M0 0" + data.paths[v]]]) {
      const p = document.createElementNS("http://www.w3.org/2000/svg", "path");
      p.setAttribute("class", kind + " " + data.classes[v]); p.setAttribute("d", d);
      s.append(p);
    }
    return s;
  };
  const time = us => us >= 10000 ? Math.round(us / 1000) + " ms" : (us / 1000).toFixed(2) + " ms";

  // edges tells of one direction, port by port.
  const edges = (i, j) => {
    const list = element("dl");
    for (const port of data.ports) {
      const cell = i * n + j, l = port.v[cell];
      if (l === ".") continue;
      const v = l.charCodeAt(0) - 97, more = [port.more[cell] || 0].flat(), facts = [];
      const failed = l !== OK && l !== SKIPPED;
      if (port.rtt[cell]) facts.push("round trip " + time(port.rtt[cell]));
      if (more[1] && !data.details[more[0]].endsWith(" answered")) facts.push(more[2] + " of " + more[1] + " answered");
      list.append(element("dt", "", sign(v), element("span", port.port + (port.why ? " " + port.why : "") + ": " + data.verdicts[v][0])));
      if (data.details[more[0]]) facts.unshift(data.details[more[0]]);
      else if (failed) facts.unshift(data.verdicts[v][1]);
      if (facts.length) list.append(element("dd", facts.join("; ")));
    }
    if (!list.children.length) list.append(element("dd", "Nothing has to pass."));
    return list;
  };
  const texts = list => { const u = element("ul"); for (const t of list) u.append(element("li", t)); return u; };

  const tell = () => {
    panel.replaceChildren();
    if (row === column) {
      panel.append(element("h4", data.hosts[row]), element("p", data.about[row]));
      const wrong = data.findings[row] || [], held = data.binds[row] || [];
      if (wrong.length) panel.append(element("h4", "Findings"), texts(wrong));
      panel.append(element("h4", "Ports on the host"), held.length ? texts(held) : element("p", "All its ports are free."));
      return;
    }
    for (const [i, j] of [[row, column], [column, row]])
      panel.append(element("h4", data.hosts[i] + " → " + data.hosts[j]), edges(i, j));
  };

  const select = (i, j, reveal) => {
    row = Math.max(0, Math.min(n - 1, i)); column = Math.max(0, Math.min(n - 1, j));
    cursor.setAttribute("visibility", "visible");
    const r = cursor.querySelector("rect");
    r.setAttribute("x", column); r.setAttribute("y", row);
    cross.setAttribute("d", `M0 ${row}H${n}v1H0zM${column} 0V${n}h1V0z`);
    from.selectedIndex = row; to.selectedIndex = column;
    tell();
    if (reveal) r.scrollIntoView({ block: "nearest", inline: "nearest" });
  };

  // at is the cell below a pointer.
  const at = event => {
    const p = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const i = Math.floor(p.y), j = Math.floor(p.x);
    return i >= 0 && j >= 0 && i < n && j < n ? [i, j] : null;
  };
  svg.addEventListener("click", event => { const c = at(event); if (c) select(c[0], c[1]); });
  svg.addEventListener("mousemove", event => {
    const c = at(event);
    hover.textContent = c ? (c[0] === c[1] ? data.hosts[c[0]] : data.hosts[c[0]] + " → " + data.hosts[c[1]]) : "";
  });

  const shown = () => layer ? [data.ports[layer - 1]] : data.ports;
  const wrong = cell => shown().some(p => p.v[cell] !== "." && p.v[cell] !== OK && p.v[cell] !== SKIPPED);
  const problem = step => {
    let cell = row < 0 ? (step > 0 ? -1 : n * n) : row * n + column;
    for (let tries = 0; tries < n * n; tries++) {
      cell = (cell + step + n * n) % (n * n);
      if (wrong(cell)) return select(Math.floor(cell / n), cell % n, true);
    }
  };
  const keys = {
    ArrowUp: () => select(row - 1, column, true), ArrowDown: () => select(row + 1, column, true),
    ArrowLeft: () => select(row, column - 1, true), ArrowRight: () => select(row, column + 1, true),
    Home: () => select(row, 0, true), End: () => select(row, n - 1, true),
    PageUp: () => select(0, column, true), PageDown: () => select(n - 1, column, true),
    n: () => problem(1), p: () => problem(-1),
  };
  svg.addEventListener("keydown", event => {
    const act = keys[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (row < 0 && event.key.length > 1) select(0, 0, true);
    else act();
  });
  document.getElementById("next").addEventListener("click", () => problem(1));
  document.getElementById("previous").addEventListener("click", () => problem(-1));

  for (const list of [from, to]) {
    for (const name of data.hosts) list.append(element("option", name));
    list.selectedIndex = -1;
    list.addEventListener("change", () => select(Math.max(0, from.selectedIndex), Math.max(0, to.selectedIndex), true));
  }

  const show = k => {
    layer = k;
    for (const e of document.querySelectorAll("[data-layer]")) e.classList.toggle("off", e.dataset.layer !== String(k));
    for (const e of document.querySelectorAll("[data-show]")) e.setAttribute("aria-pressed", String(e.dataset.show === String(k)));
  };
  for (const e of document.querySelectorAll("[data-show]")) e.addEventListener("click", () => show(Number(e.dataset.show)));

  // A statement marks the cells that it is about.
  const about = (s, i, j) => {
    const is = (name, list, k) => list ? list.includes(data.hosts[k]) : name === "everyone" || name === data.hosts[k] || s.of > 0;
    const meets = (i, j) => is(s.from, s.from_hosts, i) && is(s.to, s.to_hosts, j);
    if (!meets(i, j) && !(s.both && meets(j, i))) return false;
    return data.ports.some(p => {
      const l = p.v[i * n + j];
      return s.ports.includes(p.port) && l !== "." && data.verdicts[l.charCodeAt(0) - 97][0] === s.verdict;
    });
  };
  const mark = s => {
    let d = "", first = null;
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        if (about(s, i, j)) { d += `M${j} ${i}h1v1h-1z`; first = first || [i, j]; }
    marked.setAttribute("d", d);
    if (first) { show(0); svg.scrollIntoView({ block: "nearest" }); select(first[0], first[1], true); }
  };
  for (const e of document.querySelectorAll("[data-said]")) e.addEventListener("click", () => mark(data.said[e.dataset.said]));

  const zoom = factor => {
    const width = svg.getBoundingClientRect().width * factor;
    svg.parentElement.style.maxWidth = "100%";
    svg.style.minWidth = svg.style.maxWidth = Math.max(120, Math.min(12000, width)) + "px";
    if (row >= 0) cursor.querySelector("rect").scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  document.getElementById("larger").addEventListener("click", () => zoom(1.4));
  document.getElementById("smaller").addEventListener("click", () => zoom(1 / 1.4));
  document.querySelector("#matrix-section .controls").hidden = false;
  document.documentElement.dataset.ready = "true";
})();
