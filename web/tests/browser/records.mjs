// Names of the home: what the page says is what devices get.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { api, until } from "./home.mjs";
import { close, home, open } from "./stage.mjs";

const recordsOf = async (name) => (await api(home.base, "records")).records.filter((one) => one.name === name);
const isAnswered = async (name, address) => (await home.ask(name)).address === address;

describe("names of the home", { skip: process.argv.includes("--mock") && "the mock answers no names" }, () => {
  it("are added, changed and removed by keyboard alone, and answered at once", async () => {
    const name = "nas.home.arpa";
    const page = await open("/");
    await page.keyboard.press("g");
    await page.keyboard.press("n");
    await page.waitForURL(/\/records$/);
    await page.getByLabel("Home name").focus();
    await page.keyboard.type(name);
    await page.getByLabel("Value").focus();
    await page.keyboard.type("192.0.2.77");
    await page.keyboard.press("Enter");
    await page.getByText(`${name} is answered.`).waitFor();
    assert.ok(await isAnswered(name, "192.0.2.77"));
    await page.getByRole("button", { name: `Change ${name}` }).focus();
    await page.keyboard.press("Enter");
    const line = page.locator("main li", { has: page.getByRole("button", { name: "Save" }) });
    await line.getByLabel("Value").fill("192.0.2.78");
    await page.keyboard.press("Enter");
    await page.getByText(`The record of ${name} is changed.`).waitFor();
    assert.ok(await isAnswered(name, "192.0.2.78"));
    await page.waitForFunction((label) => document.activeElement?.getAttribute("aria-label") === label, `Change ${name}`);
    await page.getByRole("button", { name: `Remove ${name}` }).focus();
    await page.keyboard.press("Enter");
    await page.getByText(`The record of ${name} is removed.`).waitFor();
    assert.deepEqual(await recordsOf(name), []);
    assert.ok(!(await isAnswered(name, "192.0.2.78")));
    await page.keyboard.press("u");
    await until("it to be back", () => isAnswered(name, "192.0.2.78"));
    await close(page);
  });

  it("say at the field what is wrong with them", async () => {
    const page = await open("/records");
    await page.getByLabel("Home name").fill("mail.home.arpa");
    await page.getByLabel("Type").selectOption("MX");
    await page.getByLabel("Value").fill("mail");
    await page.getByRole("button", { name: "Add the record" }).click();
    await page.waitForFunction(() => document.activeElement?.getAttribute("aria-invalid") === "true");
    await page.getByText("10 mail.example").waitFor();
    assert.deepEqual(await recordsOf("mail.home.arpa"), []);
    await close(page);
  });
});
