// Answers of the platform against docs/openapi.json: reads a JSON array of
// {name, schema, document} from standard input and prints one line for each
// fault. Members that no schema names are faults, too.
import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";

const api = JSON.parse(readFileSync(process.argv[2], "utf8"));

// What is described member by member has no other members.
function close(node) {
    if (Array.isArray(node)) {
        node.forEach(close);
    } else if (node !== null && typeof node === "object") {
        if (node.properties !== undefined
            && node.additionalProperties === undefined) {
            node.additionalProperties = false;
        }
        Object.values(node).forEach(close);
    }
}
close(api.components.schemas);

const ajv = new Ajv({ strict: false, validateFormats: false,
                      allErrors: true });
ajv.addSchema(api, "api");

for (const { name, schema, document } of
     JSON.parse(readFileSync(0, "utf8"))) {
    const check = ajv.getSchema(`api#/components/schemas/${schema}`);
    if (check === undefined) {
        console.log(`${name}: there is no schema ${schema}`);
    } else if (!check(document)) {
        for (const e of check.errors) {
            console.log(`${name}: ${e.instancePath} ${e.message} `
                        + JSON.stringify(e.params));
        }
    }
}
