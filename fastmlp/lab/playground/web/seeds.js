// seeds.js -- the part of the page that trains one start from many seeds and tells what they show.

import { make } from "./elements.js";
import { inPercent, significant } from "./formats.js";
import { N_SEEDS } from "./state.js";

/** A button, a progress bar and a sentence in an element. `train(place)` begins, `stop()` ends. */
export function makeSeedsView(element, { train, stop }) {
  const button = make("button", { type: "button", id: "train-seeds", hidden: true });
  const progress = make("progress", { max: N_SEEDS, value: 0, "aria-label": "Seeds trained", hidden: true });
  const told = make("p", { id: "seeds-told", role: "status" });
  element.append(make("div", { class: "buttons" }, button, progress), told);
  let isTraining = false, place = 0, name = "", canVary = true;

  button.addEventListener("click", () => {
    isTraining = !isTraining;
    if (isTraining) train(place);
    else stop();
    write();
  });

  function write() {
    button.textContent = isTraining ? "Stop" : `Train ${N_SEEDS} seeds of ${name}`;
    button.disabled = !canVary;
    button.hidden = false;
    progress.hidden = !isTraining;
  }

  return {
    /** A new start is looked at, or none of what was trained holds any more. */
    reset({ start, at, nameOfStart, isReady }) {
      isTraining = false;
      place = at;
      name = nameOfStart;
      canVary = isReady && start.initializer !== "network";
      progress.value = 0;
      told.textContent = "";
      write();
    },
    progress(nDone) {
      progress.value = nDone;
    },
    stopped() {
      isTraining = false;
      write();
    },
    /** What the band of a start shows beside the loss of the run that the page has trained, if it has. */
    tell({ nSeeds, finalLoss, accuracy, nDiverged, finalLosses }, own) {
      isTraining = false;
      write();
      const loss = (value) => make("data", { value }, Number.isFinite(value) ? significant(value, 3) : "infinite");
      const nBelow = finalLosses.filter((value) => value < own).length;
      const beside = own === null ? "" : ` Of them ${nBelow} end${nBelow === 1 ? "s" : ""} lower than the run above.`;
      const diverged = nDiverged ? ` ${nDiverged} diverged and count as infinite losses.` : "";
      const [of, low, high] = [accuracy.median, accuracy.low, accuracy.high].map(inPercent);
      told.replaceChildren(`${nSeeds} seeds of ${name}: the final loss is `, loss(finalLoss.median),
        " in the median and from ", loss(finalLoss.low), " to ", loss(finalLoss.high),
        ` in 90 % of them, the test accuracy ${of} (${low} to ${high}).${diverged}${beside} In the chart, the band ` +
        "holds 90 % of their losses, and the dotted line is their median.");
    },
  };
}
