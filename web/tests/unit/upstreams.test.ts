import { render, screen } from "@testing-library/svelte";
import { beforeEach, describe, expect, it, vi } from "vitest";
import Upstreams from "../../src/pages/Upstreams.svelte";
import Item from "../../src/upstreams/Item.svelte";
import { upstream } from "./made.ts";

const asked = vi.fn<(url: string, init: RequestInit) => Promise<Response>>();

beforeEach(() => {
  asked.mockReset();
  vi.stubGlobal("fetch", asked);
});

describe("an upstream", () => {
  it("shows how long its answers took, from the quickest to the slowest", () => {
    const latency = [
      { up_to_us: 1000, answers: 0 },
      { up_to_us: 10_000, answers: 90 },
      { up_to_us: 20_000, answers: 0 },
      { up_to_us: 50_000, answers: 9 },
      { up_to_us: 100_000, answers: 0 },
      { up_to_us: null, answers: 1 },
      { up_to_us: 200_000, answers: 0 },
    ];
    render(Item, { upstream: upstream({ latency }) });
    const rows = screen.getAllByRole("row").map((row) => row.textContent?.replace(/\s+/g, ""));
    expect(rows).toEqual(["to10ms9090%", "to20ms00%", "to50ms99%", "to100ms00%", "over100ms11%"]);
    expect(screen.getByText("In use")).toBeTruthy();
  });

  it("says that it is avoided, how often it failed, and why it failed last", () => {
    const failures = { timeout: 1, certificate: 3 };
    const last_error = "its certificate is refused: it has expired";
    render(Item, { upstream: upstream({ usable: false, failed: 4, failures, last_error }) });
    expect(screen.getByText("Fails, and is avoided for a while")).toBeTruthy();
    expect(screen.getByText("3 × certificate refused · 1 × no answer in time")).toBeTruthy();
    expect(screen.getByText(/Latest failure: its certificate is refused: it has expired\./)).toBeTruthy();
    expect(screen.queryByText("In use")).toBeNull();
  });

  it("of which nothing is known yet has no times", () => {
    render(Item, { upstream: upstream({ asked: 0, average_latency_us: null, last_latency_us: null, latency: [] }) });
    expect(screen.getByText("Not asked yet")).toBeTruthy();
    expect(screen.queryByRole("table")).toBeNull();
  });
});

describe("the page of upstreams", () => {
  it("has them in the config's order", async () => {
    const upstreams = [upstream({ id: 0, server: "udp://192.0.2.1" }), upstream({ id: 1, server: "tls://192.0.2.2#dns.example" })];
    asked.mockImplementation(() => Promise.resolve(new Response(JSON.stringify({ upstreams }))));
    render(Upstreams);
    await screen.findByRole("heading", { name: "udp://192.0.2.1" });
    const names = screen.getAllByRole("heading", { level: 2 }).map((heading) => heading.textContent);
    expect(names).toEqual(["udp://192.0.2.1", "tls://192.0.2.2#dns.example"]);
    expect(asked.mock.calls[0]?.[0]).toBe("/api/v1/upstreams");
  });
});
