/* Reports clicks on elements with data-abtesting-event, and events sent by window.abtesting.track.
   Never a variant: the server knows it. A retry keeps its key, so nothing counts twice. */
(() => {
  "use strict";
  const meta = document.querySelector('meta[name="abtesting"]');
  if (!meta) return;

  const send = (event) => {
    const body = JSON.stringify({ token: meta.content, events: [event] });
    const options = { method: "POST", body, keepalive: true, headers: { "Content-Type": "application/json" } };
    return fetch(meta.dataset.url, options);
  };

  const track = (name, { value = null, key = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, properties = {} } = {}) => {
    // Without a time: a clock that is slow here would put the event before its exposure.
    const event = { name, value, idempotency_key: key, properties };
    const attempt = (left) =>
      send(event)
        .then((response) => { if (response.status >= 500) throw new Error(response.status); })
        .catch(() => { if (left > 0) setTimeout(attempt, 2000, left - 1); });
    attempt(2);
  };

  document.addEventListener("click", (click) => {
    const element = click.target.closest?.("[data-abtesting-event]");
    if (!element) return;
    const { abtestingEvent: name, abtestingValue: value = null, abtestingProperties: text = "{}" } = element.dataset;
    let properties = {};
    try { properties = JSON.parse(text); } catch { /* a broken attribute must not lose the click */ }
    track(name, { value, properties });
  });

  window.abtesting = { track };
})();
