"""The stage `report`: an HTML page and a CLAIM checklist."""
