"""Filing and admission, from the first question to the registrar's decision."""
