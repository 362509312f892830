// The plot of memory over time, and the range chosen in it. Tells whoever asks when another is chosen.
"use strict";

const history = data.timeline && {
  ...data.timeline,
  most: column(data.timeline.most),
  last: column(data.timeline.last),
  resident: column(data.timeline.resident),
};

class Plot {
  constructor(choose) {
    this.choose = choose;
    this.moments = history.most.length;
    this.highest = Math.max(...history.most, ...history.resident, 1);
    this.range = [0, this.moments - 1];
    this.lines();
    this.labels();
    this.listen();
    this.select(this.range, false);
  }

  x(moment) { return (1000 * moment) / Math.max(this.moments, 1); }
  y(size) { return 100 - (96 * size) / this.highest; }

  lines() {
    const corners = (sizes) => [...sizes].map((size, moment) => `${this.x(moment).toFixed(2)} ${this.y(size).toFixed(2)}H${this.x(moment + 1).toFixed(2)}`);
    const heap = corners(history.most).join("L");
    byId("heap-area").setAttribute("d", `M0 100L${heap}V100Z`);
    byId("heap-line").setAttribute("d", `M${heap}`);
    const known = history.resident.some((size) => size > 0);
    if (known) byId("resident-line").setAttribute("d", `M${corners(history.resident).join("L")}`);
    byId("resident-key").hidden = !known;
  }

  labels() {
    const whole = this.moments * history.ticks;
    const times = [0, 0.25, 0.5, 0.75, 1].map((part) => element("span", {}, time(part * whole)));
    byId("times").replaceChildren(...times);
    byId("highest").textContent = bytes(this.highest);
  }

  /** The range in words. */
  words() {
    const [from, to] = this.range;
    return `${time(from * history.ticks)} – ${time((to + 1) * history.ticks)}`;
  }

  select(range, tell = true) {
    const inside = (moment) => Math.max(0, Math.min(this.moments - 1, Math.round(moment)));
    const [from, to] = range.map(inside);
    this.range = [Math.min(from, to), Math.max(from, to)];
    const left = this.x(this.range[0]) / 10;
    const right = this.x(this.range[1] + 1) / 10;
    Object.assign(byId("chosen").style, { left: `${left}%`, width: `${right - left}%` });
    ["from", "to"].forEach((id, index) => {
      const handle = byId(id);
      handle.style.left = `${[left, right][index]}%`;
      handle.setAttribute("aria-valuemax", this.moments - 1);
      handle.setAttribute("aria-valuenow", this.range[index]);
      handle.setAttribute("aria-valuetext", time((this.range[index] + index) * history.ticks));
    });
    if (tell) this.choose(this.range);
  }

  momentAt(event) {
    const { left, width } = byId("plot").getBoundingClientRect();
    return Math.max(0, Math.min(this.moments - 1, Math.floor(((event.clientX - left) / width) * this.moments)));
  }

  listen() {
    const plot = byId("plot");
    let fixed = null; // the end of the range that stays while the other is dragged
    plot.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      plot.setPointerCapture(event.pointerId);
      const at = this.momentAt(event);
      if (event.target.id === "from") fixed = this.range[1];
      else if (event.target.id === "to") fixed = this.range[0];
      else { fixed = at; this.select([at, at]); }
    });
    plot.addEventListener("pointermove", (event) => {
      const at = this.momentAt(event);
      if (fixed !== null) this.select([fixed, at]);
      const sizes = [`heap ${bytes(history.most[at])} at most, ${bytes(history.last[at])} at the end`];
      if (history.resident[at]) sizes.push(`resident ${bytes(history.resident[at])}`);
      showTip(event, `${time(at * history.ticks)} – ${time((at + 1) * history.ticks)}`, "", ...sizes);
    });
    const end = () => { fixed = null; };
    plot.addEventListener("pointerup", end);
    plot.addEventListener("pointercancel", end);
    plot.addEventListener("pointerleave", hideTip);
    ["from", "to"].forEach((id, index) => byId(id).addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      const range = [...this.range];
      const least = index === 0 ? 0 : range[0];
      const most = index === 0 ? range[1] : this.moments - 1;
      range[index] = Math.max(least, Math.min(most, range[index] + step));
      this.select(range);
    }));
  }
}

function time(ticks) {
  if (history.unit === "events") return ticks === 0 ? "0" : `${number(Math.round(ticks))} events`;
  if (ticks < 1000) return `${Math.round(ticks)} ms`;
  if (ticks < 60_000) return `${(ticks / 1000).toFixed(2)} s`;
  return `${Math.floor(ticks / 60_000)}m ${String(Math.round(ticks / 1000) % 60).padStart(2, "0")}s`;
}
