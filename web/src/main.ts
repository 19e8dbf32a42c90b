import "./app.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { settings } from "./lib/settings.svelte.ts";

settings.applyTheme();

const target = document.getElementById("app");
if (target) mount(App, { target });
