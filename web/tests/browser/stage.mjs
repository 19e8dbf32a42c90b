// The browser and the home that all tests share.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { openHome } from "./home.mjs";

const flags =
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
const executablePath = [
  process.env["CHROMIUM"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
].find((path) => path && existsSync(path));
if (!executablePath) {
  console.error("The browser tests need Chromium: install it (Debian: apt install chromium), or say where it is with CHROMIUM=….");
  process.exit(2);
}

export const sizes = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
export let home;
export let browser;
/** Violations of the content security policy and errors on any page; the last test looks. */
export const complaints = [];

export async function raise() {
  home = await openHome();
  browser = await chromium.launch({ executablePath, args: flags.split(" ") });
}

export async function strike() {
  await browser?.close();
  await home?.stop();
}

/** A fresh browser profile on a page of the dashboard. */
export async function open(path, { size = sizes.desktop, theme = "light", base = home.base } = {}) {
  const phone = size.width < 600;
  const context = await browser.newContext({
    viewport: size,
    colorScheme: theme,
    hasTouch: phone,
    isMobile: phone,
    reducedMotion: "reduce",
    locale: "en-US",
  });
  const page = await context.newPage();
  await page.exposeFunction("complain", (text) => complaints.push(`${path}: ${text}`));
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => {
      globalThis.complain(`policy ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
    });
  });
  page.on("pageerror", (error) => complaints.push(`${path}: ${error.stack}`));
  page.on("dialog", (dialog) => {
    complaints.push(`${path}: a dialog opened: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(base + path);
  await page.locator("h1").waitFor();
  return page;
}

export const close = (page) => page.context().close();
export const number = (text) => Number(text.replace(/\D/g, ""));

export async function settled(page) {
  await page.locator("h1").waitFor();
  await page.waitForFunction(() => !document.querySelector(".waiting .bone, .stale"));
}
