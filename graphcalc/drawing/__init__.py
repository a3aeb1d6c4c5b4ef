"""Pictures of graphs: scenes, their layout, and the writers that turn a scene into a file."""
