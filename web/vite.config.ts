// How the dashboard is built: one CSS file, one chunk a page, and a .gz twin of each file.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { type Plugin, defineConfig } from "vitest/config";

/** Writes `x.gz` beside each `x` of the finished build, where that makes it smaller. */
function gzipTwins(): Plugin {
  let folder = "";
  return {
    name: "gzip-twins",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    closeBundle() {
      for (const file of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!file.isFile() || !/\.(js|css|html|svg|json)$/.test(file.name)) continue;
        const path = join(file.parentPath, file.name);
        const plain = readFileSync(path);
        const packed = gzipSync(plain, { level: 9 });
        if (packed.length < plain.length) writeFileSync(`${path}.gz`, packed);
      }
    },
  };
}

// All of them know light-dark(), nesting and <dialog>.
const browsers = ["chrome123", "firefox128", "safari17.5"];

export default defineConfig({
  plugins: [svelte(), gzipTwins()],
  // Without it the tests get Svelte's server side.
  resolve: process.env["VITEST"] ? { conditions: ["browser"] } : {},
  build: {
    target: browsers,
    cssTarget: browsers,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // What every page needs is one file, not one for each pair of pages that share a part of it.
        codeSplitting: { groups: [{ name: "words", test: /[\\/](svelte|api[\\/]client|lib[\\/](words|origin|range|(access|net|resource|status)\.svelte)\.ts)/ }] },
      },
    },
    // A data: address would need a wider content security policy.
    assetsInlineLimit: 0,
  },
  server: {
    proxy: { "/api": process.env["SQUELCH_WEB"] ?? "http://127.0.0.1:8053" },
  },
  test: {
    environment: "jsdom",
    include: ["tests/unit/**/*.test.ts"],
    setupFiles: ["tests/unit/setup.ts"],
  },
});
