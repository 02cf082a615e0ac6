"""The templates of `ids new`: working examples, in which `template` stands for the name."""
