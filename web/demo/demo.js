// Follows one call at a time: /events tells all of it from its beginning, so this page keeps nothing of its own.
'use strict';

const $ = (selector, root = document) => root.querySelector(selector);
const screens = { customer: $('[data-screen=customer]'), simulator: $('[data-screen=simulator]') };
const lanes = { customer: $('[data-lane=to-seat]'), simulator: $('[data-lane=to-phone]') };

let call;      // what is shown; replaced as a whole, so that nothing of an earlier call can stay
let pinned = null; // a moment of the past in ms, or null for now

function begin(number = 0, network = 'wifi') {
  call = { number, network, frames: { customer: [], simulator: [] }, startedAt: null, ended: false };
  look(null);
  for (const screen of Object.values(screens)) {
    $('.glass', screen).replaceChildren(make('p', 'blank', 'dark'));
    $('.count', screen).textContent = 'no frame yet';
    $('.hash', screen).textContent = '';
  }
  const isVoiceOnly = network === 'cellular';
  $('#stage').classList.toggle('voice-only', isVoiceOnly);
  for (const blank of document.querySelectorAll('.blank')) {
    blank.textContent = isVoiceOnly ? 'Voice only: on the mobile network the call goes out of the 400 trunk, and no screen session exists.' : 'waiting for the first frame';
  }
  for (const lane of document.querySelectorAll('.lane')) lane.className = lane.className.replace(/ (on|moving|to-seat|to-phone)\b/g, '');
  for (const step of document.querySelectorAll('.steps li')) step.className = '';
  if (isVoiceOnly) for (const name of ['S3', 'S4', 'S5', 'S6', 'Confirm']) stepItem(name).classList.add('skipped');
  for (const fact of document.querySelectorAll('[data-fact]')) { fact.classList.remove('good'); $('dd', fact).textContent = '–'; }
  $('#peer-word').textContent = isVoiceOnly ? 'answered by' : 'seat';
  $('#heard-by').textContent = isVoiceOnly ? 'Carrier hears' : 'Seat hears';
  $('#seat').textContent = '–';
  $('#lines').replaceChildren();
  $('#result').hidden = true;
  $('#call-title').textContent = number ? `call ${number} over ${isVoiceOnly ? 'the mobile network' : 'Wi-Fi'}` : '';
  $('#clock b').textContent = '0.000';
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

const stepItem = (name) => $(`.steps [data-step="${name}"]`);

function mood(name, text) {
  $('#state').dataset.mood = name;
  $('#state span').textContent = text;
}

function busy(isBusy) {
  for (const button of document.querySelectorAll('[data-network]')) button.disabled = isBusy;
}

function fact(name, text, isGood = false) {
  const box = $(`[data-fact="${name}"]`);
  box.classList.toggle('good', isGood);
  const value = $('dd', box);
  value.replaceChildren(...(Array.isArray(text) ? text : [text]));
}

// ---- screens

function frame(data) {
  const list = call.frames[data.screen];
  if (!list) return;
  list.push(data);
  const screen = screens[data.screen];
  $('.count', screen).textContent = `frame ${data.seq} · ${list.length} in all`;
  $('.hash', screen).textContent = data.hash.slice(0, 12);
  $('.hash', screen).title = `SHA-256 ${data.hash}`;
  if (data.screen === 'simulator' && list.length === 1) fact('first', `${data.ms} ms`);
  const lane = lanes[data.screen];
  lane.classList.add('on', 'moving');
  clearTimeout(lane.timer);
  lane.timer = setTimeout(() => lane.classList.remove('moving'), 700);
  if (pinned === null) show(data, true);
}

// Shows a frame once it is decoded, unless the call or the moment has changed meanwhile.
async function show(data, isNew) {
  const glass = $('.glass', screens[data.screen]);
  const [of, at] = [call, pinned];
  const picture = new Image();
  picture.src = data.url;
  picture.alt = `frame ${data.seq}`;
  try { await picture.decode(); } catch { return; }
  const isStale = of !== call || at !== pinned || Number(glass.dataset.seq || 0) > data.seq && isNew && glass.dataset.call === String(call.number);
  if (isStale) return;
  glass.dataset.seq = data.seq;
  glass.dataset.call = call.number;
  for (const old of glass.querySelectorAll('img, .blank')) setTimeout(() => old.remove(), 200);
  glass.append(picture);
  if (isNew) {
    glass.classList.remove('flash');
    void glass.offsetWidth; // restarts the animation
    glass.classList.add('flash');
  }
}

function touch(fields) {
  const glass = $('.glass', screens.simulator);
  const picture = [...glass.querySelectorAll('img')].pop();
  if (!picture || !(fields.x >= 0) || !(fields.y >= 0)) return;
  const mark = make('div', 'touch');
  mark.style.left = `${100 * fields.x / picture.naturalWidth}%`;
  // The picture fills the width of the glass; what is longer is cut off below.
  mark.style.top = `${fields.y / picture.naturalWidth * glass.clientWidth}px`;
  glass.append(mark);
  setTimeout(() => mark.remove(), 2000);
}

function key(name) {
  const mark = make('div', 'key', name);
  $('.glass', screens.simulator).append(mark);
  setTimeout(() => mark.remove(), 2000);
}

// ---- looking back

function look(ms, item) {
  pinned = ms;
  for (const old of document.querySelectorAll('#lines .pinned')) old.classList.remove('pinned');
  if (item) item.classList.add('pinned');
  $('#live').hidden = ms === null;
  if (ms !== null) $('#live b').textContent = ms;
  if (!call) return;
  for (const list of Object.values(call.frames)) {
    const past = ms === null ? list : list.filter((one) => one.ms <= ms);
    if (past.length) show(past[past.length - 1], false);
  }
}

// ---- timeline

function line(data) {
  const item = make('li');
  item.append(make('span', 'ms', data.ms < 0 ? '·' : String(data.ms)));
  const who = make('span', 'who');
  const name = (part) => { const span = make('span', '', part); span.dataset.part = part; return span; };
  who.append(name(data.from));
  if (data.to) who.append(make('span', 'arrow', '→'), name(data.to));
  item.append(who, make('span', 'text', data.text));
  if (data.step) {
    item.append(make('span', 'tag', data.step === 'Confirm' ? '✓' : data.step));
    const step = stepItem(data.step);
    if (step) step.classList.add('done');
  }
  item.title = 'show both screens as they were at this moment';
  item.addEventListener('click', () => look(pinned === data.ms ? null : data.ms, pinned === data.ms ? null : item));
  append(item);
  tell(data);
}

function note(text) {
  const item = make('li', 'note');
  item.append(make('span', 'ms', '·'), make('span', 'text', text));
  append(item);
}

function append(item) {
  const list = $('#lines');
  const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  list.append(item);
  if (isAtEnd) list.scrollTop = list.scrollHeight;
}

// What an event means for the state of the call.
function tell(data) {
  const { what, from, to, fields } = data;
  const short = (hash) => make('code', '', hash ? ` frame ${String(hash).slice(0, 16)}…` : '');
  switch (what) {
    case 'call.placed':
      if (from !== 'phone') break;
      call.startedAt = data.at_ms - data.ms;
      mood('live', 'calling');
      break;
    case 'queue.position':
      fact('queue', fields.position ? `position ${fields.position}` : data.text);
      mood('live', 'waiting in the queue, music plays');
      break;
    case 'seat.assigned':
      if (fields.seat_id) $('#seat').textContent = fields.seat_id;
      if ($('[data-fact=queue] dd').textContent === '–') fact('queue', 'no wait');
      break;
    case 'call.answered':
      if (from === 'carrier') $('#seat').textContent = 'carrier, 400 trunk';
      if (to !== 'phone') break;
      if (fields.setup_ms !== undefined) fact('setup', `${fields.setup_ms} ms`);
      mood('live', 'connected');
      break;
    case 'touch.sent': touch(fields); break;
    case 'key.sent': key(fields.key || fields.text || 'key'); break;
    case 'audio.heard': {
      const words = fields.hz ? `${fields.hz} Hz ✓` : 'tone ✓';
      fact(to === 'phone' ? 'to-phone' : 'to-seat', words, true);
      $('[data-lane=voice]').classList.add(to === 'phone' ? 'to-phone' : 'to-seat');
      break;
    }
    case 'dtmf.heard': fact('keys', `${fields.digits || '?'} ✓`, true); break;
    case 'confirm.requested':
      call.question = fields.summary || data.text;
      fact('confirm', [`asked: ${call.question}`, short(fields.hash || fields.frame_hash)]);
      mood('live', 'the customer is asked');
      break;
    case 'confirm.answered': {
      const answer = String(fields.answer ?? '');
      const isYes = answer === 'yes' || answer === 'true';
      fact('confirm', [`${call.question || 'asked'} → ${isYes ? 'yes ✓' : answer || data.text}`, short(fields.hash || fields.frame_hash)], isYes);
      mood('live', isYes ? 'confirmed on both sides' : 'answered');
      break;
    }
    case 'order.placed': mood('live', 'ordered'); break;
    case 'call.ended':
      $('[data-lane=voice]').classList.remove('to-phone', 'to-seat');
      stopClock(data.ms);
      mood('wait', 'hung up; reading the call record');
      break;
  }
}

function verdict(data) {
  call.ended = true;
  const isOk = data.verdict.ok;
  mood(isOk ? 'good' : 'bad', isOk ? 'every step was seen' : 'not every step was seen');
  $('#verdict').className = isOk ? 'good' : 'bad';
  $('#verdict').textContent = isOk ? '✔ Every step was seen by the endpoints' : '✘ Not every step was seen';
  $('#failed').replaceChildren(...(data.failed || []).map((reason) => make('li', '', reason)));
  $('#frames').textContent = `Frames: ${data.frames}`;
  $('#record').replaceChildren(...data.record.map(([name, value]) => {
    const row = make('tr');
    row.append(make('th', '', name), make('td', '', value));
    return row;
  }));
  if (data.record.length) stepItem('Toll').classList.add('done');
  $('#result').hidden = false;
  busy(false);
}

// ---- the clock of the call

function stopClock(ms) {
  call.endedMs ??= ms;
}

function tick() {
  if (call && call.startedAt !== null) {
    const ms = call.endedMs ?? (call.ended ? null : Date.now() - call.startedAt);
    if (ms !== null) $('#clock b').textContent = (Math.max(0, ms) / 1000).toFixed(3);
  }
  requestAnimationFrame(tick);
}

// ---- the wire to the demonstration

const handlers = {
  call(data) { begin(data.call, data.network); busy(true); mood('wait', 'starting the customer’s phone'); },
  progress(data) { note(data.text); if (!call.startedAt) mood('wait', data.text); },
  line, frame, verdict,
};

function follow() {
  const events = new EventSource('/events');
  events.addEventListener('begin', () => { begin(); mood('wait', 'starting'); });
  for (const [name, handle] of Object.entries(handlers)) {
    events.addEventListener(name, (event) => {
      const data = JSON.parse(event.data);
      if (name === 'call' || data.call === call.number) handle(data);
    });
  }
  events.addEventListener('error', () => { busy(true); mood('bad', 'the demonstration has ended — make demo starts it'); });
}

for (const button of document.querySelectorAll('button[data-network]')) {
  button.addEventListener('click', async () => {
    busy(true);
    const answer = await fetch(`/calls?network=${button.dataset.network}`, { method: 'POST' }).catch(() => null);
    if (!answer || !answer.ok) mood('bad', answer && answer.status === 409 ? 'a call is being played already' : 'the demonstration does not answer');
  });
}
$('#live').addEventListener('click', () => look(null));

begin();
follow();
requestAnimationFrame(tick);
