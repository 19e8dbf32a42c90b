// Upstreams: the page tells what the API does.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { api } from "./home.mjs";
import { close, home, open } from "./stage.mjs";

describe("upstreams", () => {
  it("are reached by keyboard, each with its figures", async () => {
    const page = await open("/");
    await page.keyboard.press("g");
    await page.keyboard.press("u");
    await page.waitForURL(/\/upstreams$/);
    const { upstreams } = await api(home.base, "upstreams");
    assert.ok(upstreams.length > 0);
    for (const { server, latency } of upstreams) {
      const panel = page.locator("main li", { has: page.getByRole("heading", { name: server }) });
      await panel.waitFor();
      const answered = latency.filter((bucket) => bucket.answers > 0).length;
      assert.ok(answered > 0, `${server} has answered nobody`);
      assert.ok((await panel.getByRole("row").count()) >= answered);
    }
    await close(page);
  });
});
