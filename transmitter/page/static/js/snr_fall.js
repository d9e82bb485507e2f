// The SNR falls by itself, a step after every answer, so that the effect of noise is seen without a hand on the slider.

import { byId } from "./dom.js";

const FROM_DB = 15;
const TO_DB = -10;
const STEP_DB = 1;
const STEP_MS = 200;

let timer = null;

/** End the fall where it is. */
export function stopFall() {
  clearInterval(timer);
  timer = null;
  byId("fall").textContent = "Let the SNR fall";
}

/**
 * Connect the button.
 * @param sendAt  Sends at an SNR [dB].
 * @param isBusy  Whether an answer is still awaited: then the next step waits too.
 */
export function setUpFall(sendAt, isBusy) {
  byId("fall").addEventListener("click", () => {
    if (timer !== null) {
      stopFall();
      return;
    }
    let snr_db = FROM_DB;
    byId("fall").textContent = "Stop here";
    sendAt(String(snr_db));
    timer = setInterval(() => {
      if (isBusy()) return;
      snr_db -= STEP_DB;
      sendAt(String(snr_db));
      if (snr_db <= TO_DB) stopFall();
    }, STEP_MS);
  });
}
