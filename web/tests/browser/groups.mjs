// Groups, pauses and changes: what the page says is what devices get, and the way back.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { api, until } from "./home.mjs";
import { close, home, open } from "./stage.mjs";

const group = async (name) => (await api(home.base, "groups")).groups.find((one) => one.name === name);
const paused = async () => (await api(home.base, "status")).blocking.pauses ?? [];

describe("groups", { skip: process.argv.includes("--mock") && "the mock has no groups" }, () => {
  it("are added with a weekly schedule, changed, removed, and brought back among the changes", async () => {
    const page = await open("/");
    await page.keyboard.press("g");
    await page.keyboard.press("g");
    await page.waitForURL(/\/groups$/);
    await page.getByRole("button", { name: "Add a group" }).click();
    await page.getByLabel("Name of the group").fill("Kids");
    await page.getByRole("textbox", { name: "Rules" }).fill("||games.example^");
    await page.getByRole("button", { name: "Add a schedule" }).click();
    await page.getByLabel("Sat").uncheck();
    await page.getByLabel("From").fill("21:00");
    await page.getByRole("button", { name: "Add a group" }).click();
    await page.getByText("The group Kids is in force.").waitFor();
    const kids = await group("Kids");
    assert.deepEqual(kids.rules, ["||games.example^"]);
    assert.deepEqual(kids.schedule[0].times, ["21:00-06:30"]);
    assert.deepEqual(kids.schedule[0].days, ["mon", "tue", "wed", "thu", "fri", "sun"]);
    await page.getByRole("button", { name: "Change Kids" }).click();
    await page.getByRole("textbox", { name: "Rules" }).fill("||a.example^$third-party");
    await page.getByRole("button", { name: "Save" }).click();
    await page.waitForFunction(() => document.activeElement?.getAttribute("aria-invalid") === "true");
    await page.getByRole("textbox", { name: "Rules" }).fill("");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("The group Kids is changed.").waitFor();
    assert.deepEqual((await group("Kids")).rules, []);
    await page.getByRole("button", { name: "Remove Kids" }).click();
    await until("it to be gone", async () => !(await group("Kids")));
    await page.goto(`${home.base}/changes`);
    await page.getByRole("button", { name: "Undo: Group Kids removed" }).first().click();
    await page.getByText("Taken back: Group Kids removed").waitFor();
    assert.ok(await group("Kids"));
    await close(page);
  });

  it("take a device, which is then told under its new name", async () => {
    const { items } = await api(home.base, "devices");
    const device = items.find((one) => !one.declared);
    const page = await open(`/devices/${device.id}`);
    await page.getByLabel("Name", { exact: true }).fill("Grandma's tablet");
    await page.getByLabel("Group", { exact: true }).selectOption({ label: "Kids" });
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Grandma's tablet is changed.").waitFor();
    await page.getByRole("heading", { name: "Grandma's tablet", level: 1 }).waitFor();
    const now = await api(home.base, `devices/${device.id}`);
    assert.deepEqual([now.name, now.group.name], ["Grandma's tablet", "Kids"]);
    // The other tests know it as it was.
    await page.evaluate(async ([path, kids]) => {
      const json = { "content-type": "application/json" };
      await fetch(`/api/v1/devices/${path}`, { method: "PATCH", headers: json, body: JSON.stringify({ name: null }) });
      await fetch(`/api/v1/groups/${kids}`, { method: "DELETE" });
    }, [device.id, now.group.id]);
    assert.equal(await group("Kids"), undefined);
    await close(page);
  });

  it("pause, and every page says until when", async () => {
    const page = await open("/groups");
    const all = page.getByRole("group", { name: "Pause for all" });
    await all.getByLabel("For how long").selectOption("10m");
    await all.getByRole("button", { name: "Pause" }).click();
    await page.getByText("Nothing is blocked for now.").waitFor();
    assert.equal((await paused()).length, 1);
    await page.goto(`${home.base}/rules`);
    await page.getByText("Blocking is paused until").waitFor();
    await page.getByRole("button", { name: "Resume" }).click();
    await until("blocking to be on", async () => (await paused()).length === 0);
    await close(page);
  });
});
