// Beside live progress: say which stage a mining is in, show its result when it has ended, and notify if asked to.
(() => {
  const mining = document.getElementById("mining");
  const said = document.getElementById("said");
  const button = document.getElementById("notify");
  const title = () => mining.querySelector("h1").textContent;
  let wanted = false;

  mining.addEventListener("htmx:sseMessage", () => {
    if (said.textContent === title()) return;
    said.textContent = title();
    document.title = `${title()} · leadminer`;
  });
  mining.addEventListener("htmx:sseClose", (event) => {
    if (event.detail.type !== "message") return;
    if (wanted) new Notification("The mining has ended", { body: "Its page says what it found.", icon: "/static/mark.svg" });
    location.reload();
  });

  if (!("Notification" in window) || Notification.permission === "denied") return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    wanted = (await Notification.requestPermission()) === "granted";
    button.textContent = wanted ? "You will be notified" : "This browser blocks notifications";
    button.disabled = true;
  });
})();
