{{title}}{{style}}{{script}}{{data}}
