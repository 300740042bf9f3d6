"use strict";
SwaggerUIBundle({ url: document.querySelector("#api").dataset.url, dom_id: "#api", deepLinking: true, showExtensions: false });
