"""The OpenAPI document of a running server, by a public validator: `document.py URL`."""

import json
import sys
import urllib.request

from openapi_spec_validator import validate

with urllib.request.urlopen(sys.argv[1] + "/openapi.json") as answer:
    document = json.load(answer)
validate(document)
print(f"{len(document['paths'])} paths, {len(document['components']['schemas'])} schemas: valid")
