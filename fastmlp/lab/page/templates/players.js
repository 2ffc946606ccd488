/* The players: frames of bytes in a canvas.  Frame 0 is the start, which a rewind shows again from the same bytes. */
(() => {
  const { frames } = JSON.parse(document.getElementById("data").textContent);
  if (!frames) return;
  const SECONDS = 0.09; // of a frame
  const { side, smooth, colors, points } = frames;
  const colorOf = (byte) => colors.slice(3 * byte, 3 * byte + 3);

  /** The bytes of all frames; each was stored as its difference from the one before. */
  async function bytesOf(text) {
    const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    for (let i = side * side; i < bytes.length; i++) bytes[i] += bytes[i - side * side];
    return bytes;
  }

  function paint(canvas, bytes) {
    const image = new ImageData(side, side);
    bytes.forEach((byte, i) => image.data.set([...colorOf(byte), 255], 4 * i));
    const small = new OffscreenCanvas(side, side);
    small.getContext("2d").putImageData(image, 0, 0);
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = smooth;
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
    context.lineWidth = 1.5;
    context.strokeStyle = "#1a1a1a";
    for (const [x, y, byte] of points) {
      context.beginPath();
      context.arc(x * canvas.width, y * canvas.height, 4.5, 0, 2 * Math.PI);
      context.fillStyle = `rgb(${colorOf(byte)})`;
      context.fill();
      context.stroke();
    }
  }

  async function player(run, number) {
    const figure = document.getElementById(`player-${number}`);
    const [canvas, output, slider] = ["canvas", "output", "input"].map((name) => figure.querySelector(name));
    const [playing, step, rewind] = ["play", "step", "rewind"].map((name) => figure.querySelector(`[data-do=${name}]`));
    const bytes = await bytesOf(run.bytes);
    const last = run.captions.length - 1;
    slider.max = last;
    let at = 0;
    let timer = null;

    function show(frame) {
      at = frame;
      paint(canvas, bytes.subarray(at * side * side, (at + 1) * side * side));
      slider.value = at;
      output.textContent = run.captions[at];
      slider.setAttribute("aria-valuetext", run.captions[at]);
      if (at === last) pause();
    }
    function pause() {
      clearInterval(timer);
      timer = null;
      playing.textContent = "Play";
      playing.setAttribute("aria-label", `Play ${run.name}`);
    }
    function play() {
      clearInterval(timer);
      if (at === last) show(0);
      timer = setInterval(() => show(Math.min(at + 1, last)), 1000 * SECONDS);
      playing.textContent = "Pause";
      playing.setAttribute("aria-label", `Pause ${run.name}`);
    }
    function goTo(frame) {
      pause();
      show(frame);
    }

    playing.addEventListener("click", () => (timer === null ? play() : pause()));
    step.addEventListener("click", () => goTo(Math.min(at + 1, last)));
    rewind.addEventListener("click", () => goTo(0));
    slider.addEventListener("input", () => goTo(Number(slider.value)));
    show(0);
    return { play, rewind: () => goTo(0) };
  }

  Promise.all(frames.runs.map(player)).then((players) => {
    document.getElementById("play-all").addEventListener("click", () => players.forEach(({ play }) => play()));
    document.getElementById("rewind-all").addEventListener("click", () => players.forEach(({ rewind }) => rewind()));
    document.documentElement.dataset.players = players.length;
  });
})();
