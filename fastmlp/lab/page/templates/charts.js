"use strict";

/* The charts, drawn by Vega-Lite in the colours of the page, anew when these change. */
(() => {
  const charts = JSON.parse(document.getElementById("data").textContent).charts;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const BLACK = "#000000"; // the last of the colours that configurations have, which a dark ground swallows

  function config(width) {
    const value = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const text = { labelColor: value("--ink"), titleColor: value("--ink"), labelFontSize: 12, titleFontSize: 12 };
    const line = value("--line");
    return {
      background: null,
      font: "system-ui, sans-serif",
      view: { stroke: line },
      axis: { ...text, gridColor: line, gridOpacity: 0.5, domainColor: line, tickColor: line },
      axisX: { labelOverlap: true, tickCount: Math.round(width / 90) },
      axisY: { labelLimit: Math.min(220, width / 3) },
      legend: { ...text, orient: "bottom", columns: Math.ceil(width / 390), labelLimit: 280, symbolOpacity: 1 },
      rule: { color: value("--faint") },
    };
  }

  async function draw() {
    const ink = dark.matches ? "#ffffff" : BLACK;
    for (const [i, specification] of charts.entries()) {
      const place = document.getElementById(`chart-${i}`);
      const colored = JSON.parse(JSON.stringify(specification).replaceAll(`"${BLACK}"`, `"${ink}"`));
      await vegaEmbed(place, colored, {
        actions: false,
        ast: true, // the page forbids code made from texts
        config: config(place.clientWidth),
        renderer: "svg",
        tooltip: { theme: "custom" },
      });
    }
    document.documentElement.dataset.drawn = dark.matches ? "dark" : "light";
  }

  dark.addEventListener("change", draw);
  draw();
})();
