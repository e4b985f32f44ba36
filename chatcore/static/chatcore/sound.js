/** A short soft chime of two tones, made by the browser itself: nothing to load. */

const TONES = [660, 880]; // hertz
const APART = 0.12; // seconds, as all that follow
const FADE = 0.35;
const LOUDNESS = 0.15;

let chimeAudio = null; // made when it is first needed: a browser lets it sound after a click somewhere in the page

export function chime() {
  if (!("AudioContext" in window)) return;
  chimeAudio ??= new AudioContext();
  chimeAudio.resume();
  TONES.forEach((pitch, index) => {
    const tone = new OscillatorNode(chimeAudio, { frequency: pitch });
    const volume = new GainNode(chimeAudio, { gain: 0 });
    const start = chimeAudio.currentTime + index * APART;
    volume.gain.setValueAtTime(LOUDNESS, start);
    volume.gain.exponentialRampToValueAtTime(0.001, start + FADE);
    tone.connect(volume).connect(chimeAudio.destination);
    tone.start(start);
    tone.stop(start + FADE);
  });
}
