/* What the pages do in the browser, by data attributes; the list of them is in docs/web.md.

   Everything is heard on the document, so that pieces which htmx swaps in work at once. Nothing
   here decides anything: the server does, and every act is a form or a link of the page. */
import "./announce.js";
import "./calendar.js";
import "./charts.js";
import "./combobox.js";
import "./copy.js";
import "./dialogs.js";
import "./keys.js";
import "./requests.js";
import "./rows.js";
import "./selection.js";
import "./submit_once.js";
