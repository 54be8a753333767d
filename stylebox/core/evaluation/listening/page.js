"use strict";
const DATA = JSON.parse(document.getElementById("data").textContent);
const RAMP_SECONDS = 0.01, LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", KEPT = "stylebox-listening-" + DATA.test;
const get = (id) => document.getElementById(id);
const GRADES = ["bad", "poor", "fair", "good", "excellent"];
const COLUMNS = ["test", "listener", "session", "trial", "system", "grade", "position", "plays", "seconds"];

// ---- random order: of the trials and of the sounds of each, drawn for this listener
function shuffled(items) {
  const order = [...items], draw = new Uint32Array(1);
  for (let i = order.length - 1; i > 0; i--) {
    crypto.getRandomValues(draw);
    const j = draw[0] % (i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
function newTest(listener) {
  const trials = DATA.trials.map((_, index) => index);
  const order = (trial) => shuffled(DATA.trials[trial].stimuli.map((_, index) => index));
  const plan = shuffled(trials).map((trial) => ({ trial, order: order(trial) }));
  const bytes = Array.from(crypto.getRandomValues(new Uint8Array(6)));
  const session = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { listener, session, plan: [{ trial: 0, training: true, order: order(0) }, ...plan], at: 0, rows: [] };
}

// ---- player: all sounds of a trial run together; choosing one opens its gain and closes the others
const player = {
  context: null, buffers: [], gains: [], sources: [], chosen: 0, playing: false, began: 0, offset: 0, loop: null,
  async load(trial) {
    this.context ??= new AudioContext();
    const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
    const stimuli = DATA.trials[trial].stimuli;
    this.buffers = await Promise.all(stimuli.map((s) => this.context.decodeAudioData(bytes(s.audio))));
    this.offset = 0; this.loop = null; this.chosen = 0;
  },
  get seconds() { return this.buffers[0].duration },
  span() { return this.loop ?? [0, this.seconds] },
  position() {
    if (!this.playing) return this.offset;
    const [start, end] = this.span(), at = this.offset + this.context.currentTime - this.began;
    return at < end ? at : start + ((at - start) % (end - start));
  },
  async play(from = this.offset) {
    this.stop();
    await this.context.resume();
    const [start, end] = this.span();
    this.offset = from >= start && from < end ? from : start;
    this.gains = []; this.began = this.context.currentTime;
    this.sources = this.buffers.map((buffer, index) => {
      const gain = new GainNode(this.context, { gain: index === this.chosen ? 1 : 0 });
      const source = new AudioBufferSourceNode(this.context, { buffer, loop: true, loopStart: start, loopEnd: end });
      source.connect(gain).connect(this.context.destination);
      source.start(this.began, this.offset);
      this.gains.push(gain);
      return source;
    });
    this.playing = true;
  },
  stop() {
    this.offset = this.playing ? this.position() : this.offset;
    for (const source of this.sources) { source.stop(); source.disconnect() }
    this.sources = []; this.playing = false;
  },
  choose(index) {
    this.chosen = index;
    const now = this.context.currentTime;
    this.gains.forEach((gain, i) => {
      gain.gain.setValueAtTime(gain.gain.value, now);
      gain.gain.linearRampToValueAtTime(i === index ? 1 : 0, now + RAMP_SECONDS);
    });
  },
  setLoop(start, end) {
    const at = this.position();
    this.loop = start === null ? null : [start, end];
    if (this.playing) this.play(at); else this.offset = at;
  },
};

// ---- a trial on the screen
let test = null, step = null, shown = [], started = 0;
async function showTrial() {
  step = test.plan[test.at];
  player.stop();
  for (const id of ["welcome", "trial", "end"]) get(id).hidden = id !== "trial";
  get("heading").textContent = step.training ? "Training" : `Page ${test.at} of ${test.plan.length - 1}`;
  get("remark").textContent = step.training
    ? "Try the keys, find out how good and how bad the sounds are, and set the volume. These grades are not kept."
    : DATA.question;
  get("description").textContent = "Reference: " + DATA.trials[step.trial].reference;
  get("next").textContent = step.training ? "Begin the test" : test.at === test.plan.length - 1 ? "Finish" : "Next page";
  get("next").disabled = true;
  shown = step.order.map((index, place) => addSound(index, place));
  get("sounds").replaceChildren(...shown.map((sound) => sound.row));
  get("missing").textContent = "Loading the sounds";
  await player.load(step.trial);
  get("next").disabled = false;
  get("missing").textContent = "";
  started = performance.now();
  choose(-1, false);
  get("heading").focus();
}
function addSound(index, place) {
  const letter = LETTERS[place], row = document.createElement("div");
  row.className = "grade";
  row.dataset.graded = "false";
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: letter });
  button.setAttribute("aria-label", `Play sound ${letter}`);
  const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 100, value: 0 });
  slider.setAttribute("aria-label", `Grade of sound ${letter}`);
  const output = Object.assign(document.createElement("output"), { textContent: "no grade" });
  const sound = { index, row, button, slider, plays: 0 };
  const grade = () => {
    row.dataset.graded = "true";
    output.textContent = slider.value;
    slider.setAttribute("aria-valuetext", `${slider.value}, ${GRADES[Math.min(4, Math.floor(slider.value / 20))]}`);
    get("missing").textContent = "";
  };
  slider.addEventListener("input", grade);
  slider.addEventListener("keydown", (event) => { if (event.key === "Enter") grade() });
  button.addEventListener("click", () => choose(place, true));
  row.append(button, slider, output);
  return sound;
}
// `place` is that of a sound on the screen, -1 the reference: the first stimulus of every trial
function choose(place, play) {
  const sound = shown[place];
  if (sound && play) sound.plays += 1;
  player.choose(sound ? sound.index : 0);
  get("reference").setAttribute("aria-pressed", String(!sound));
  shown.forEach((other) => other.button.setAttribute("aria-pressed", String(other === sound)));
  if (play && !player.playing) toggle();
}
async function toggle() {
  if (player.playing) player.stop(); else await player.play();
  get("play").textContent = player.playing ? "Pause" : "Play";
}
function draw() {
  if (player.buffers.length && !get("trial").hidden) {
    const at = player.position();
    get("position").value = String((1000 * at) / player.seconds);
    get("clock").textContent = at.toFixed(1) + " s";
    get("loop").textContent = player.loop ? `loop ${player.loop.map((t) => t.toFixed(1)).join(" to ")} s` : "";
    get("play").textContent = player.playing ? "Pause" : "Play";
  }
  requestAnimationFrame(draw);
}
function advance() {
  const places = (lacking) => shown.map((sound, i) => (lacking(sound) ? LETTERS[i] : "")).filter(Boolean).join(", ");
  const ungraded = places((sound) => sound.row.dataset.graded === "false");
  const unheard = places((sound) => !sound.plays);
  if (!step.training && (ungraded || unheard)) {
    get("missing").textContent = ungraded ? `Still without a grade: ${ungraded}` : `Not yet played: ${unheard}`;
    return;
  }
  if (!step.training) {
    const seconds = ((performance.now() - started) / 1000).toFixed(1), trial = DATA.trials[step.trial];
    shown.forEach((sound, place) => test.rows.push([DATA.test, test.listener, test.session, trial.name,
      trial.stimuli[sound.index].system, sound.slider.value, place + 1, sound.plays, seconds]));
  }
  test.at += 1;
  keep();
  if (test.at < test.plan.length) showTrial(); else showEnd();
}
function showEnd() {
  player.stop();
  for (const id of ["welcome", "trial", "end"]) get(id).hidden = id !== "end";
  get("end").querySelector("h2").focus();
}

// ---- results: a CSV file, and a copy in the browser until it is saved
function csv() {
  const cell = (value) => /[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value);
  return [COLUMNS, ...test.rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}
function save() {
  const link = document.createElement("a"), name = test.listener.replace(/[^\p{L}\p{N}]+/gu, "-");
  link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
  link.download = `listening-${DATA.test}-${name}-${test.session}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
  get("saved").textContent = `Saved as ${link.download} in your downloads.`;
}
function keep() {
  try { localStorage.setItem(KEPT, JSON.stringify(test)) } catch { /* without storage, a closed page loses its grades */ }
}
function kept() {
  try { return JSON.parse(localStorage.getItem(KEPT)) } catch { return null }
}

get("begin").addEventListener("submit", (event) => {
  event.preventDefault();
  test = newTest(get("listener").value.trim());
  showTrial();
});
const unfinished = kept();
get("resume").hidden = !unfinished;
get("resume").addEventListener("click", () => {
  test = unfinished;
  if (test.at < test.plan.length) showTrial(); else showEnd();
});
get("play").addEventListener("click", toggle);
get("reference").addEventListener("click", () => choose(-1, true));
get("next").addEventListener("click", advance);
get("save").addEventListener("click", save);
get("position").addEventListener("input", (event) => {
  const at = (Number(event.target.value) / 1000) * player.seconds * 0.999;
  if (player.playing) player.play(at); else player.offset = at;
});
document.addEventListener("keydown", (event) => {
  if (get("trial").hidden || get("next").disabled || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.toUpperCase(), range = event.target.type === "range", [start, end] = player.span();
  const place = /^[1-9]$/.test(key) ? Number(key) - 1 : LETTERS.indexOf(key);
  if (key === " " && event.target.tagName !== "BUTTON") toggle();
  else if (key === "0" || key === "R") choose(-1, true);
  else if (key.length === 1 && place >= 0 && place < shown.length) choose(place, true);
  else if (key === "[") player.setLoop(Math.min(player.position(), end - 0.5), end);
  else if (key === "]") player.setLoop(start, Math.max(player.position(), start + 0.5));
  else if (key === "BACKSPACE") player.setLoop(null);
  else return;
  if (!range || key !== "ENTER") event.preventDefault();
});
draw();
