"use strict";
(() => {
  const all = (selector, at = document) => [...at.querySelectorAll(selector)];
  const root = document.documentElement;

  // light or dark: as the system has it, until someone asks for the other
  const look = document.getElementById("look"), dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.look || (dark.matches ? "dark" : "light")) === "dark";
  const named = () => { look.textContent = isDark() ? "Light" : "Dark"; look.setAttribute("aria-label", `Show the page ${isDark() ? "light" : "dark"}`); };
  look.hidden = false;
  look.addEventListener("click", () => {
    root.dataset.look = isDark() ? "light" : "dark";
    try { localStorage.setItem("imagetrail-look", root.dataset.look); } catch { /* a file may have no storage */ }
    named();
  });
  dark.addEventListener("change", named);
  named();

  // tables: a heading sorts, and says how; what has no value stays below
  const value = (row, at) => {
    const cell = row.cells[at], text = cell ? cell.dataset.v ?? cell.textContent.trim() : "";
    const number = Number(text.replace(/[,\s%]/g, ""));
    return text === "" || text === "–" ? null : Number.isNaN(number) ? text.toLowerCase() : number;
  };
  const before = (a, b, sign) => a === null || b === null ? (a === null) - (b === null)
    : typeof a === typeof b ? sign * (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
  const sort = (head, at) => {
    const table = head.closest("table"), first = head.classList.contains("n") && !head.classList.contains("low") ? "descending" : "ascending";
    const order = head.ariaSort && head.ariaSort === first ? (first === "ascending" ? "descending" : "ascending") : first;
    all("th[aria-sort]", table).forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", order);
    const body = table.tBodies[0], sign = order === "ascending" ? 1 : -1;
    const rows = [...body.rows].map(row => [value(row, at), row]);
    rows.sort((a, b) => before(a[0], b[0], sign)).forEach(pair => body.append(pair[1]));
  };
  all("table.sortable").forEach(table => all("thead th", table).forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(head, at));
    head.append(button);
  }));

  // plots: pointer or arrow keys read values out, a button of the legend takes its series away
  const shown = (number, axis) => {
    const size = Math.abs(number);
    return axis.whole ? number.toFixed(0) : size >= 1000 ? Math.round(number).toLocaleString("en") : number.toPrecision(4);
  };
  const scale = text => { const [low, high, log, whole] = text.split(" ").map(Number); return { low, high, log, whole }; };
  const back = (at, start, end, axis) => {
    const share = (at - start) / (end - start);
    return axis.log ? axis.low * (axis.high / axis.low) ** share : axis.low + share * (axis.high - axis.low);
  };
  const points = group => {
    const line = group.querySelector("polyline");
    if (line) return [...line.points].map(p => ({ x: p.x, y: p.y }));
    return all("circle", group).map(c => ({ x: c.cx.baseVal.value, y: c.cy.baseVal.value, said: c.dataset.said }));
  };
  const reading = figure => {
    const svg = figure.querySelector("svg[data-frame]"), out = figure.querySelector(".readout");
    const [left, top, right, bottom] = svg.dataset.frame.split(" ").map(Number);
    const x = scale(svg.dataset.x), y = scale(svg.dataset.y), together = figure.dataset.read === "together";
    const [nameX, nameY] = all("text.name", svg).map(text => text.textContent);
    const groups = all("g[data-name]", svg).filter(group => !group.classList.contains("guide"));
    const series = groups.map(group => ({ group, name: group.dataset.name, points: points(group) }));
    const mark = document.createElementNS(svg.namespaceURI, "g");
    mark.setAttribute("class", "mark");
    svg.append(mark);
    const visible = () => series.filter(one => !one.group.hasAttribute("hidden"));
    const drawn = (tag, set) => { const made = document.createElementNS(svg.namespaceURI, tag); for (const key in set) made.setAttribute(key, set[key]); mark.append(made); };
    const say = (place, here) => {
      mark.replaceChildren();
      if (together) drawn("line", { x1: place, x2: place, y1: top, y2: bottom });
      here.forEach(({ point }) => drawn("circle", { cx: point.x, cy: point.y, r: 5 }));
      const values = here.map(({ name, point }) => point.said || (together ? `${name} ${shown(back(point.y, bottom, top, y), y)}`
        : `${name}: ${nameX} ${shown(back(point.x, left, right, x), x)}, ${nameY} ${shown(back(point.y, bottom, top, y), y)}`));
      out.textContent = (together ? `${nameX} ${shown(back(place, left, right, x), x)}: ` : "") + values.join(", ");
      svg.setAttribute("aria-valuetext", out.textContent);
    };
    const nearest = (at, height) => {
      const found = visible().flatMap(one => one.points.map(point => ({ name: one.name, point })));
      if (!found.length) return;
      const away = ({ point }) => together ? Math.abs(point.x - at) : Math.hypot(point.x - at, point.y - height);
      const best = found.reduce((a, b) => away(b) < away(a) ? b : a);
      say(best.point.x, together ? found.filter(one => Math.abs(one.point.x - best.point.x) < 0.01) : [best]);
    };
    svg.addEventListener("pointermove", event => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      nearest(at.x, at.y);
    });
    svg.addEventListener("pointerleave", () => { mark.replaceChildren(); out.textContent = ""; });
    let step = -1;
    svg.addEventListener("keydown", event => {
      const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10, Home: -1e9, End: 1e9 }[event.key];
      if (!by) return;
      event.preventDefault();
      const found = visible().flatMap(one => one.points.map(point => ({ name: one.name, point })));
      const places = together ? [...new Set(found.map(one => one.point.x))].sort((a, b) => a - b) : found;
      if (!places.length) return;
      step = Math.max(0, Math.min(places.length - 1, step + by));
      svg.setAttribute("aria-valuemax", places.length - 1);
      svg.setAttribute("aria-valuenow", step);
      together ? nearest(places[step], 0) : say(places[step].point.x, [places[step]]);
    });
    svg.setAttribute("role", "slider"); // what arrow keys move along
    svg.setAttribute("tabindex", "0");
    svg.setAttribute("aria-valuemin", "0");
    svg.setAttribute("aria-valuemax", "1");
    svg.setAttribute("aria-valuenow", "0");
    svg.setAttribute("aria-valuetext", "arrow keys read values");
    all(".legend button", figure).forEach(button => button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", on);
      groups.filter(group => group.dataset.name === button.dataset.name).forEach(group => group.toggleAttribute("hidden", !on));
      mark.replaceChildren();
      step = -1;
    }));
  };
  all("figure.plot").forEach(reading);

  // parallel coordinates: a line under the pointer is read out; a range dragged along an axis keeps the lines that cross it
  all("figure.parallel").forEach(figure => {
    const svg = figure.querySelector("svg"), out = figure.querySelector(".readout"), clear = figure.querySelector(".clear");
    const lines = all("g.line", svg), grips = all("rect.grip", svg), brushes = all("rect.brush", svg), ranges = new Map();
    const heights = new Map(lines.map(line => [line, line.dataset.points.trim().split(" ").map(y => y === "-" ? null : Number(y))]));
    const kept = line => [...ranges].every(([at, [low, high]]) => { const y = heights.get(line)[at]; return y !== null && y >= low && y <= high; });
    const draw = chosen => {
      lines.forEach(line => { line.classList.toggle("faint", chosen ? line !== chosen : !kept(line)); line.classList.toggle("chosen", line === chosen); });
      out.textContent = chosen ? chosen.dataset.said : ranges.size ? `${lines.filter(kept).length} of ${lines.length} trials` : "";
      clear.hidden = !ranges.size;
    };
    lines.forEach(line => {
      line.addEventListener("pointerenter", () => draw(line));
      line.addEventListener("pointerleave", () => draw());
    });
    const height = event => new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse()).y;
    grips.forEach((grip, at) => {
      let from = null;
      const set = to => {
        const [low, high] = [Math.min(from, to), Math.max(from, to)];
        high - low < 3 ? ranges.delete(at) : ranges.set(at, [low, high]);
        brushes[at].setAttribute("y", low);
        brushes[at].setAttribute("height", high - low < 3 ? 0 : high - low);
        draw();
      };
      grip.addEventListener("pointerdown", event => { from = height(event); grip.setPointerCapture(event.pointerId); set(from); event.preventDefault(); });
      grip.addEventListener("pointermove", event => { if (from !== null) set(height(event)); });
      grip.addEventListener("pointerup", () => { from = null; });
    });
    clear.addEventListener("click", () => { ranges.clear(); brushes.forEach(one => one.setAttribute("height", 0)); draw(); });
    let step = -1;
    svg.setAttribute("role", "slider"); // arrow keys go from trial to trial, the best first
    svg.setAttribute("tabindex", "0");
    svg.setAttribute("aria-valuemin", "0");
    svg.setAttribute("aria-valuemax", lines.length - 1);
    svg.setAttribute("aria-valuenow", "0");
    svg.setAttribute("aria-valuetext", "arrow keys read trials, the best first");
    svg.addEventListener("keydown", event => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -1e9, End: 1e9 }[event.key];
      if (!by) return;
      event.preventDefault();
      step = Math.max(0, Math.min(lines.length - 1, step + by));
      const line = lines[lines.length - 1 - step];
      draw(line);
      svg.setAttribute("aria-valuenow", step);
      svg.setAttribute("aria-valuetext", line.dataset.said);
    });
    svg.addEventListener("blur", () => draw());
  });

  // what does not repeat stands in a file beside the page, where there is one: when, which commit, how long
  const run = window.imagetrailRun, facts = document.getElementById("run-facts");
  if (run && facts) {
    const span = seconds => seconds < 90 ? `${seconds.toPrecision(2)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
    const add = (name, text) => { const made = document.createElement("span"), bold = document.createElement("b"); bold.textContent = text; made.append(`${name} `, bold); facts.append(made); };
    add("made", new Date(run.written).toLocaleString());
    if (run.commit) add("commit", run.commit);
    if (run.seconds) add("stages took", span(run.seconds));
    all("[data-train-seconds]").forEach(cell => {
      const seconds = run.candidates?.[cell.dataset.trainSeconds];
      if (seconds) { cell.textContent = span(seconds); cell.dataset.v = seconds; }
    });
    facts.hidden = false;
  }

  // confusion matrices: a cell in words, and shares instead of counts
  all("figure.confusion").forEach(figure => {
    const table = figure.querySelector("table"), out = figure.querySelector(".readout"), button = figure.querySelector("button");
    const heads = [...table.tHead.rows[0].cells].map(cell => cell.textContent);
    table.addEventListener("pointerover", event => {
      const cell = event.target.closest("td");
      if (cell) out.textContent = `${cell.dataset.n ?? cell.textContent.replace("·", "0")} of ${cell.parentNode.dataset.total} images of ${cell.parentNode.cells[0].textContent} were taken for ${heads[cell.cellIndex]}`;
    });
    button.hidden = false;
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", on);
      all("td", table).forEach(cell => {
        const count = cell.dataset.n ??= cell.textContent.replace("·", "0");
        cell.textContent = count === "0" ? "·" : on ? `${(100 * count / cell.parentNode.dataset.total).toFixed(1)}` : count;
      });
    });
  });

  // a link into something folded opens it; on paper everything is open
  const unfold = () => {
    const at = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let up = at; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
    if (at) at.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  unfold();
  let closed = [];
  addEventListener("beforeprint", () => { closed = all("details:not([open])"); closed.forEach(one => { one.open = true; }); });
  addEventListener("afterprint", () => closed.forEach(one => { one.open = false; }));
})();
