// The theme that was chosen, before the first picture of the page: a classic script, so that nothing flashes.
document.documentElement.dataset.theme =
  localStorage.getItem("vertumnus-theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
