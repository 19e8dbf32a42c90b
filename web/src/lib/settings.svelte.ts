// What this browser remembers of its reader: theme, and whether single keys act.

export type Theme = "auto" | "light" | "dark";
const themes: readonly Theme[] = ["auto", "light", "dark"];

/** Storage can be switched off in a browser; then nothing is remembered. */
function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function store(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Not remembered; it holds until the page is closed.
  }
}

class Settings {
  theme = $state<Theme>(themes.find((one) => one === stored("theme")) ?? "auto");
  keys = $state(stored("keys") !== "off");

  /** Call once before the first paint, and it is also what a change does. */
  applyTheme(): void {
    if (this.theme === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = this.theme;
  }

  nextTheme(): void {
    this.theme = themes[(themes.indexOf(this.theme) + 1) % themes.length] ?? "auto";
    store("theme", this.theme);
    this.applyTheme();
  }

  setKeys(on: boolean): void {
    this.keys = on;
    store("keys", on ? "on" : "off");
  }
}

export const settings = new Settings();
