import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../../src/api/client.ts";
import { faultsOf } from "../../src/lib/form.ts";
import { originHref, originOf, originWord, readOrigin } from "../../src/lib/origin.ts";
import { decide, saying } from "../../src/lib/own.ts";
import { isName, matchOf, opposite, reachOf, sameRule, typed } from "../../src/lib/rules.ts";
import { change, toast } from "../../src/lib/toast.svelte.ts";
import { rule } from "./made.ts";

describe("a rule", () => {
  it.each([
    ["Ads.Example.", true, "||ads.example^"],
    ["ads.example", false, "|ads.example^"],
  ])("of %s, below: %s, is %s", (name, below, match) => {
    expect(matchOf({ name, below })).toBe(match);
    expect(reachOf(match)).toEqual({ name: name.toLowerCase().replace(/\.$/, ""), below });
  });

  it.each(["||ads.example^$important", "||*.example^", "/ads/", "ads.example", "|ads.example", "||a..b^"])(
    "%s is shown as it stands",
    (match) => expect(reachOf(match)).toBeUndefined(),
  );

  it.each(["a.example", "_dmarc.a-b.example", "bücher.example", "example", "192.0.2.1"])("can be made of %s", (name) =>
    expect(isName(name)).toBe(true),
  );

  it.each(["", "a..b", "-a.example", "a b.example", "<img\\032src>.example", "…", "||a.example^", "x".repeat(64), `${"a.".repeat(130)}b`])(
    "cannot be made of '%s'",
    (name) => expect(isName(name)).toBe(false),
  );

  it("is what somebody types, as it stands unless it is a plain name", () => {
    expect(typed(" ads.example ", true)).toBe("||ads.example^");
    expect(typed("/^ads/", true)).toBe("/^ads/");
  });

  it("is found again by what it covers and for whom", () => {
    const mine = rule({ id: "2", device: "d1" });
    const all = [rule({ id: "1", declared: true }), mine, rule({ id: "3" })];
    expect(sameRule(all, { match: mine.match, device: "d1" })?.id).toBe("2");
    // One of the config file cannot be changed.
    expect(sameRule(all, { match: mine.match, device: null })?.id).toBe("3");
    expect(sameRule(all, { match: "||other.example^" })).toBeUndefined();
  });

  it("goes the other way at one click", () => {
    expect([opposite("block"), opposite("watch"), opposite("allow")]).toEqual(["allow", "block", "block"]);
  });
});

describe("one click on a name", () => {
  const asked = vi.fn<(url: string, init: RequestInit) => Promise<Response>>();
  const reply = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });
  const wish = { name: "ads.example", below: false, action: "block", device: { id: "d1", name: "Tablet" } } as const;
  const sent = () => asked.mock.calls.map(([url, { method, body }]) => `${method} ${url}${body ? ` ${body as string}` : ""}`);

  beforeEach(() => {
    toast.clear();
    asked.mockReset();
    vi.stubGlobal("fetch", asked);
  });

  it("says what it will do", () => {
    expect(saying(wish)).toBe("Stop ads.example for Tablet");
    expect(saying({ ...wish, action: "allow", device: undefined })).toBe("Allow ads.example for every device");
  });

  it("makes a rule, sees that it holds, and can undo it", async () => {
    asked
      .mockResolvedValueOnce(reply({ rules: [] }))
      .mockResolvedValueOnce(reply(rule({ id: "7" }), 201))
      .mockResolvedValueOnce(reply({ verdict: "block" }))
      .mockResolvedValueOnce(new Response(null, { status: 204 }));
    expect(await decide(wish)).toBe(true);
    expect(toast.now?.text).toBe("ads.example is now stopped for Tablet.");
    await toast.undo();
    expect(sent()).toEqual([
      "GET /api/v1/rules",
      'POST /api/v1/rules {"match":"|ads.example^","action":"block","device":"d1"}',
      "GET /api/v1/explain?name=ads.example&device=d1",
      "DELETE /api/v1/rules/7",
    ]);
  });

  it("changes the rule that there is, and changes it back", async () => {
    const old = rule({ id: "5", match: "|ads.example^", action: "allow", device: "d1" });
    asked
      .mockResolvedValueOnce(reply({ rules: [old] }))
      .mockResolvedValueOnce(reply({ ...old, action: "block" }))
      .mockResolvedValueOnce(reply({ verdict: "block" }))
      .mockResolvedValueOnce(reply(old));
    await decide(wish);
    await toast.undo();
    expect(sent()[1]).toBe('PATCH /api/v1/rules/5 {"action":"block"}');
    expect(sent()[3]).toBe('PATCH /api/v1/rules/5 {"action":"allow"}');
  });

  it("does not claim what a stronger rule forbids", async () => {
    asked
      .mockResolvedValueOnce(reply({ rules: [] }))
      .mockResolvedValueOnce(reply(rule({ id: "7" }), 201))
      .mockResolvedValueOnce(reply({ verdict: "allow" }));
    await decide(wish);
    expect(toast.now?.text).toMatch(/another one is stronger/);
    expect(toast.now?.more?.href).toBe("/lookup?name=ads.example&device=d1");
  });

  it("says why it did not work", async () => {
    asked.mockResolvedValueOnce(reply({ title: "no", detail: "the store is full" }, 503));
    expect(await decide(wish)).toBe(false);
    expect(toast.now).toMatchObject({ failed: true, text: "That did not work: the store is full" });
  });
});

describe("a change", () => {
  it("that fails in a way nobody foresaw is not hidden", async () => {
    await expect(change(() => Promise.reject(new TypeError("bug")), () => ({ text: "" }))).rejects.toThrow("bug");
  });
});

describe("what the server has against a form", () => {
  const refused = (errors: { pointer: string; detail: string }[]) =>
    new ApiError("problem", { title: "wrong input", detail: "two things", errors }, "/x");

  it("stands at the field", () => {
    const cause = refused([{ pointer: "/source", detail: "404" }, { pointer: "name", detail: "taken" }, { pointer: "/odd", detail: "?" }]);
    expect(faultsOf(cause, ["source", "name"])).toEqual({ source: "404", name: "taken", "": "?" });
  });

  it("stands above all when it is about no field", () => {
    expect(faultsOf(refused([]), ["source"])).toEqual({ "": "two things" });
    expect(faultsOf(new ApiError("offline", { title: "x" }, "/x"), [])).toEqual({ "": "The server cannot be reached." });
  });
});

describe("where an entry stands", () => {
  it("is read from the log's word", () => {
    expect(readOrigin("list:my: list")).toEqual({ kind: "list", id: "my: list" });
    expect(readOrigin("rule")).toEqual({ kind: "rule" });
    expect(originWord(readOrigin("rebinding"), new Map())).toBe("Led into your home");
    expect(originHref(readOrigin("rebinding"), [])).toBeUndefined();
    expect(readOrigin("default")).toBeUndefined();
    expect(originOf({ pack: "acme" })).toEqual({ kind: "pack", id: "acme" });
  });

  it("has a page", () => {
    const lists = [{ id: "l7", name: "ads" }];
    expect(originHref(readOrigin("list:ads"), lists)).toBe("/lists/l7");
    expect(originHref(readOrigin("pack:acme"), lists)).toBe("/packs/acme");
    expect(originHref(readOrigin("rule"), lists)).toBe("/rules");
  });
});
