"""Stage `report`: a page for a reviewer, a model card and a CLAIM checklist."""
