// @ts-check
/** The section of a page that shows another network beside the first. */
import { renderBeside } from "./beside.js";
import { addSection } from "./page.js";

addSection({ id: "beside", name: "Another network", title: "What does another network see?", lead: "", needs: (data) => Boolean(data.beside), render: renderBeside }, "alike");
