"""The memory system itself: values, ports, the verbs, the stores. Knows neither Ray nor HTTP."""
