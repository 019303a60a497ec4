/** A second file in the same process: jest gives it a copy of the package of its own. */
require("./echo.test.js");
