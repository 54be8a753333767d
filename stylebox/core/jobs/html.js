// The page of a transfer. All sounds play at once, from one clock, and one is heard: a switch keeps the position.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];
const tracks = all("#tracks button");
const heads = all(".playhead");
const context = new AudioContext({ sampleRate: Math.min(Math.max(data.rate, 8000), 96000) });
const gains = tracks.map(() => new GainNode(context, { gain: 0 }));
gains.forEach((gain) => gain.connect(context.destination));
const GUTTER = 44, FOOT = 20, DRAG_PIXELS = 5, FADE_SECONDS = 0.005, SHORTEST_LOOP = 0.05;
let buffers = [], sources = [], playing = false, startedAt = 0, startedFrom = 0;
let active = 0, loop = null, looping = false, span = Math.min(data.seconds, 12), drag = null;

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const clock = (t) => `${Math.floor(t / 60)}:${(t % 60).toFixed(1).padStart(4, "0")}`;
const range = () => loop || [0, data.seconds];

function position() {
  if (!playing) return startedFrom;
  const t = startedFrom + Math.max(0, context.currentTime - startedAt), [start, end] = range();
  return looping && t > end ? start + (t - start) % (end - start) : Math.min(t, data.seconds);
}

function start(seconds) {
  stop();
  const [first, end] = range();
  startedFrom = looping && seconds >= end ? first : seconds;
  startedAt = context.currentTime;
  sources = buffers.map((buffer, i) => {
    const source = new AudioBufferSourceNode(context, { buffer, loop: looping, loopStart: first, loopEnd: end });
    source.connect(gains[i]);
    source.start(startedAt, startedFrom);
    return source;
  });
}

function stop() {
  sources.forEach((source) => { source.stop(); source.disconnect(); });
  sources = [];
}

function seek(seconds) {
  startedFrom = clamp(seconds, 0, data.seconds);
  if (playing) start(startedFrom);
  draw();
}

async function setPlaying(on) {
  const from = position() >= data.seconds ? 0 : position();
  playing = false;
  stop();
  startedFrom = from;
  byId("play").textContent = on ? "Pause" : "Play";
  if (on) {
    await context.resume();
    start(from);
    playing = true;
    requestAnimationFrame(frame);
  }
  draw();
}

function select(index) {
  active = index;
  gains.forEach((gain, i) => gain.gain.setTargetAtTime(i === active ? 1 : 0, context.currentTime, FADE_SECONDS));
  tracks.forEach((button, i) => button.setAttribute("aria-pressed", String(i === active)));
  all("figure").forEach((figure, i) => figure.setAttribute("aria-current", String(i === active)));
  draw();
}

function setLoop(part, on) {
  const t = position();
  loop = part && part[1] - part[0] > SHORTEST_LOOP ? part : null;
  looping = on;
  byId("loop").setAttribute("aria-pressed", String(looping));
  seek(t);
}

function frame() {
  if (!playing) return;
  if (!looping && position() >= data.seconds) setPlaying(false);
  draw();
  requestAnimationFrame(frame);
}

const viewStart = () => clamp(position() - span / 3, 0, Math.max(0, data.seconds - span));

function draw() {
  const t = position();
  byId("position").value = t;
  byId("time").textContent = `${clock(t)} / ${clock(data.seconds)}`;
  heads.forEach((head, i) => { head.style.left = `${100 * (t + data.columns[i] / 2) / data.widths[i]}%`; });
  drawRoll(t);
}

function drawRoll(t) {
  const canvas = byId("roll"), style = getComputedStyle(document.documentElement), scale = devicePixelRatio || 1;
  const color = (name) => style.getPropertyValue(name).trim();
  const width = canvas.clientWidth, height = canvas.clientHeight, from = viewStart();
  canvas.width = width * scale;
  canvas.height = height * scale;
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.font = "12px system-ui, sans-serif";
  const [low, high] = data.keys, row = (height - FOOT) / (high - low + 1);
  const x = (seconds) => GUTTER + (seconds - from) / span * (width - GUTTER);
  const y = (key) => (high - key) * row;
  for (let key = Math.ceil(low / 12) * 12; key <= high; key += 12) {
    context.fillStyle = color("--octave");
    context.fillRect(GUTTER, y(key) + row, width - GUTTER, 1);
    context.fillStyle = color("--quiet");
    context.fillText(`C${key / 12 - 1}`, 8, y(key) + row);
  }
  const step = [0.5, 1, 2, 5, 10, 30, 60, 300].find((s) => s / span * width > 60) || 600;
  for (let s = Math.ceil(from / step) * step; s <= from + span; s += step) {
    context.fillStyle = color("--octave");
    context.fillRect(x(s), 0, 1, height - FOOT);
    context.fillStyle = color("--quiet");
    context.fillText(clock(s), x(s) + 3, height - 6);
  }
  context.save();
  context.beginPath();
  context.rect(GUTTER, 0, width - GUTTER, height - FOOT);
  context.clip();
  for (const [start, end, key, velocity] of data.notes[active]) {
    if (end < from || start > from + span) continue;
    context.fillStyle = color(start <= t && t < end ? "--sounding" : "--note");
    context.globalAlpha = 0.55 + 0.45 * velocity;
    context.fillRect(x(start), y(key) + 1, Math.max(2, x(end) - x(start) - 1), Math.max(2, row - 2));
  }
  context.globalAlpha = 1;
  if (loop) {
    context.fillStyle = color("--loop");
    context.fillRect(x(loop[0]), 0, x(loop[1]) - x(loop[0]), height - FOOT);
  }
  context.fillStyle = color("--playhead");
  context.fillRect(x(t) - 1, 0, 2, height - FOOT);
  context.restore();
}

function zoom(factor) {
  span = clamp(span * factor, Math.min(1, data.seconds), data.seconds);
  draw();
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  byId("theme").textContent = theme === "dark" ? "Light" : "Dark";
  draw();
}

const rollSeconds = (event) => {
  const box = byId("roll").getBoundingClientRect();
  return clamp(drag.from + (event.clientX - box.left - GUTTER) / (box.width - GUTTER) * span, 0, data.seconds);
};

byId("roll").addEventListener("pointerdown", (event) => {
  drag = { x: event.clientX, from: viewStart() };
  drag.seconds = rollSeconds(event);
  byId("roll").setPointerCapture(event.pointerId);
});
byId("roll").addEventListener("pointermove", (event) => {
  if (drag && Math.abs(event.clientX - drag.x) >= DRAG_PIXELS) {
    const t = rollSeconds(event);
    setLoop([Math.min(t, drag.seconds), Math.max(t, drag.seconds)], true);
  }
});
byId("roll").addEventListener("pointerup", (event) => {
  if (drag && Math.abs(event.clientX - drag.x) < DRAG_PIXELS) seek(drag.seconds);
  else if (loop) seek(loop[0]);
  drag = null;
});
all(".spectrogram").forEach((picture, i) => picture.addEventListener("click", (event) => {
  const box = picture.getBoundingClientRect();
  seek((event.clientX - box.left) / box.width * data.widths[i] - data.columns[i] / 2);
}));

byId("play").addEventListener("click", () => setPlaying(!playing));
byId("loop").addEventListener("click", () => setLoop(loop, !looping));
byId("in").addEventListener("click", () => zoom(1 / 1.5));
byId("out").addEventListener("click", () => zoom(1.5));
byId("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
byId("position").addEventListener("input", (event) => seek(Number(event.target.value)));
byId("everything").addEventListener("click", () => all("a[download]").forEach((link) => link.click()));
tracks.forEach((button, i) => button.addEventListener("click", () => select(i)));
addEventListener("resize", draw);
addEventListener("click", (event) => { // the keys below stay those of the page after a click with the mouse
  if (event.detail) event.target.closest("button, input")?.blur();
});

const keys = {
  " ": () => setPlaying(!playing),
  ArrowLeft: () => seek(position() - 2),
  ArrowRight: () => seek(position() + 2),
  Home: () => seek(0),
  b: () => select((active + 1) % tracks.length),
  l: () => setLoop(loop, !looping),
  "[": () => setLoop([position(), range()[1]], true),
  "]": () => setLoop([range()[0], position()], true),
  Escape: () => setLoop(null, false),
  "+": () => zoom(1 / 1.5),
  "-": () => zoom(1.5),
  d: () => byId("theme").click(),
};
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const own = event.target.closest("button, a, summary, input");
  if (own && [" ", "Enter", "ArrowLeft", "ArrowRight", "Home"].includes(event.key)) return;
  const number = Number(event.key) - 1;
  const action = keys[event.key] || (tracks[number] && (() => select(number)));
  if (!action) return;
  event.preventDefault();
  action();
});

const dark = matchMedia("(prefers-color-scheme: dark)");
dark.addEventListener("change", () => setTheme(dark.matches ? "dark" : "light"));
setTheme(dark.matches ? "dark" : "light");
select(0);

// The sounds stand in players that also serve without a script; here they become buffers, and files to save.
const files = all("audio").map((player) => (
  Uint8Array.from(atob(player.src.slice(player.src.indexOf(",") + 1)), (character) => character.charCodeAt(0))
));
all("a[data-track]").forEach((link, i) => {
  link.href = URL.createObjectURL(new Blob([files[i]], { type: data.kind }));
});
// Sounds of more than an hour would fill the memory: their players stay, each on its own.
const together = data.seconds * tracks.length <= 3600;
if (together) Promise.all(files.map((file) => context.decodeAudioData(file.buffer))).then((decoded) => {
  buffers = decoded;
  all("audio, .fallback").forEach((element) => element.remove());
  byId("bar").hidden = false;
  draw();
});
