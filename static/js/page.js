// Small helps for readers with script; every page works without. Each module looks for its own data- attribute.
import { rememberZone } from "./zone.js";
import { countSigns } from "./counter.js";
import { guardForms } from "./autosave.js";
import { guardAnswers } from "./guard.js";
import { weighFiles } from "./files.js";
import { askBeforeShowingAgain } from "./back.js";

askBeforeShowingAgain();
rememberZone();
countSigns(document);
guardForms(document);
guardAnswers(document);
weighFiles(document);

// After a refused form the list of errors is what should be read first.
document.getElementById("errors")?.focus();
