"""The pages as a browser shows them: found by following links, photographed, and examined for accessibility."""
